"use strict";
// Sorts the tables by their header buttons, and keeps the order in the address: #sort=TABLE:COLUMN:DIRECTION.
(() => {
  const cell = (row, key) => [...row.cells].find((one) => one.dataset.key === key);

  const compare = (a, b, direction) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what has no value stands last, either way
    const numbers = !Number.isNaN(Number(a)) && !Number.isNaN(Number(b));
    return direction * (numbers ? a - b : a.localeCompare(b));
  };

  const sort = (table, key, order) => {
    const buttons = [...table.tHead.querySelectorAll("button")];
    const button = buttons.find((one) => one.dataset.key === key);
    if (!button || !["ascending", "descending"].includes(order)) return;
    const median = table.closest(".board").querySelector("input[value=median]").checked;
    const value = (row) => {
      const { value, median: middle } = cell(row, key).dataset;
      return median && middle !== undefined ? middle : value;
    };
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("divider"));
      const direction = order === "ascending" ? 1 : -1;
      rows.sort((a, b) => compare(value(a), value(b), direction)); // stable: ties keep their order
      body.append(...rows);
    }
    for (const one of buttons) one.closest("th").removeAttribute("aria-sort");
    button.closest("th").setAttribute("aria-sort", order);
  };

  const tables = [...document.querySelectorAll("table[data-sortable]")];

  const fromAddress = () => {
    if (!location.hash.startsWith("#sort=")) return;
    let [name, key, order] = ["", "", ""];
    try {
      [name, key, order] = location.hash.slice(6).split(":").map(decodeURIComponent);
    } catch {
      return; // a mangled address sorts nothing
    }
    const table = tables.find((one) => one.dataset.sortable === name);
    if (!table) return;
    sort(table, key, order);
    table.closest(".board").scrollIntoView();
  };

  for (const table of tables) {
    table.tHead.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const other = { ascending: "descending", descending: "ascending" };
      const order = other[button.closest("th").getAttribute("aria-sort")] ?? button.dataset.first;
      sort(table, button.dataset.key, order);
      const parts = [table.dataset.sortable, button.dataset.key, order].map(encodeURIComponent);
      history.replaceState(null, "", `#sort=${parts.join(":")}`);
    });
  }
  // one recording at a time
  document.addEventListener("play", (event) => {
    for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
  }, true);
  addEventListener("hashchange", fromAddress);
  fromAddress();
  document.documentElement.dataset.ready = "true"; // header buttons look like buttons only if they do something
})();

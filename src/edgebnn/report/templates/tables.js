"use strict";
// Tables, once near, sort by a click on a column's title, and hand themselves on as CSV.
(() => {
  function text(cell) {
    return cell.innerText.trim().replace(/\s*\n\s*/g, "; ");
  }

  function key(cell) {
    const number = parseFloat(text(cell).replace(/[,×]/g, ""));
    return cell.classList.contains("n") ? (isNaN(number) ? Infinity : number) : text(cell).toLowerCase();
  }

  function sort(table, column, title) {
    const falls = title.ariaSort === "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => [key(row.cells[column]), row]);
    rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    table.tBodies[0].append(...(falls ? rows.reverse() : rows).map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
    title.ariaSort = falls ? "descending" : "ascending";
  }

  function csv(table) {
    const quoted = (cell) => `"${text(cell).replaceAll('"', '""')}"`;
    return [...table.rows].map((row) => [...row.cells].map(quoted).join(",")).join("\n");
  }

  async function copy(table, button) {
    try {
      await navigator.clipboard.writeText(csv(table));
      button.textContent = "Copied";
    } catch { // no clipboard, or none for this page: here it is, selected
      const text = document.createElement("textarea");
      text.value = csv(table);
      text.rows = 8;
      button.replaceWith(text);
      text.select();
    }
  }

  function prepare(table) {
    const titles = [...table.tHead.rows[0].cells];
    const names = titles.map((title) => title.textContent);
    for (const row of [...table.tBodies, table.tFoot].flatMap((part) => [...(part?.rows ?? [])])) {
      [...row.cells].forEach((cell, column) => (cell.dataset.title = names[column] ?? ""));
    }
    const button = document.createElement("button");
    button.className = "copy";
    button.textContent = "Copy as CSV";
    button.addEventListener("click", () => copy(table, button));
    table.parentElement.after(button);
    if (!table.classList.contains("sortable")) return;
    titles.forEach((title, column) => {
      const by = document.createElement("button");
      by.append(...title.childNodes);
      by.addEventListener("click", () => sort(table, column, title));
      title.append(by);
    });
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        prepare(target);
      }
    },
    { rootMargin: "1000px" },
  );
  document.querySelectorAll("table").forEach((table) => near.observe(table));
})();

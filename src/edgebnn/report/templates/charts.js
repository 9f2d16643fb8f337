"use strict";
// Draws each chart when it comes into sight; before printing, all of them.
const specifications = JSON.parse(document.getElementById("specifications").textContent);
const options = {
  mode: "vega-lite",
  logLevel: 1, // errors
  actions: false,
  ast: true, // no code is made from text: the page's policy forbids it
  defaultStyle: false,
  renderer: "svg", // colours are variables of the page's style, light and dark
  config: {
    background: null,
    font: "system-ui, sans-serif",
    view: { stroke: null },
    text: { color: "var(--ink)", fontSize: 12 },
    axis: {
      domain: false, ticks: false, labelColor: "var(--soft)", titleColor: "var(--soft)",
      titleFontWeight: "normal", gridColor: "var(--line)", labelLimit: 120, labelOverlap: "greedy", labelSeparation: 6,
      tickCount: 6,
    },
  },
};

function draw(chart) {
  sight.unobserve(chart);
  const { spec, datasets } = JSON.parse(chart.querySelector("script").textContent);
  const place = chart.appendChild(document.createElement("div"));
  return vegaEmbed(place, { ...specifications[spec], datasets }, options);
}

const sight = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
  { rootMargin: "400px" },
);
const charts = () => document.querySelectorAll(".chart:not(:has(div))");
charts().forEach((chart) => sight.observe(chart));
addEventListener("beforeprint", () => charts().forEach(draw));

// What pages gain from JavaScript: claims that light up their quote, live refresh, and a chart. Nothing here is needed.
"use strict";

(() => {
  const body = document.body;

  // A claim and its quotes, found by the claim's number within one answer.
  const pairs = (number, scope) =>
    document.querySelectorAll(`[data-scope="${scope}"][data-claims~="${number}"], [data-scope="${scope}"][data-claim="${number}"]`);

  const light = (element, on) => {
    const numbers = (element.dataset.claim || element.dataset.claims || "").split(" ").filter(Boolean);
    for (const number of numbers) {
      for (const other of pairs(number, element.dataset.scope)) other.classList.toggle("on", on);
    }
  };

  for (const element of document.querySelectorAll("[data-claim], [data-claims]")) {
    element.addEventListener("mouseenter", () => light(element, true));
    element.addEventListener("mouseleave", () => light(element, false));
    element.addEventListener("focus", () => light(element, true));
    element.addEventListener("blur", () => light(element, false));
  }

  // Menus of the navigation close when one goes elsewhere; Escape leads back to their name.
  const menus = document.querySelectorAll("details.menu");
  document.addEventListener("click", (event) => {
    for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const open = document.querySelector("details.menu[open]");
    if (event.key !== "Escape" || !open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  for (const menu of menus) {
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
    });
  }

  // One stream a page. Rows are never built from events: an event only says that the server has something newer.
  const follow = body.dataset.live;
  if (follow !== undefined && "EventSource" in window) {
    const asked = new URLSearchParams();
    if (follow) asked.set("use_case", follow);
    if (body.dataset.meeting) asked.set("meeting", body.dataset.meeting);
    const stream = new EventSource("/live" + (asked.size ? `?${asked}` : ""));
    const lamps = document.querySelectorAll(".live");
    const show = (on) => {
      for (const lamp of lamps) {
        lamp.classList.toggle("on", on);
        lamp.querySelector(".live-text").textContent = on ? "live" : "not live";
      }
    };
    const tell = (name) => body.dispatchEvent(new CustomEvent(name));
    stream.addEventListener("open", () => show(true));
    stream.addEventListener("error", () => show(false));
    stream.addEventListener("call", () => tell("groundcrew:call"));
    stream.addEventListener("lost", () => tell("groundcrew:call"));
    stream.addEventListener("registry", () => tell("groundcrew:registry"));
    stream.addEventListener("meeting", () => tell("groundcrew:meeting"));
    window.addEventListener("pagehide", () => stream.close());
  }

  // Calls by the hour, stacked.
  const chart = document.querySelector("[data-chart]");
  if (chart && window.uPlot) {
    const { times, series } = JSON.parse(chart.dataset.chart);
    const ink = getComputedStyle(body);
    const colour = (name) => ink.getPropertyValue(name).trim();
    const fills = [colour("--chart-good"), colour("--chart-warn"), colour("--chart-bad")];
    const sums = [];
    series.forEach((each, index) => sums.push(each.values.map((value, hour) => value + (index ? sums[index - 1][hour] : 0))));
    const bars = window.uPlot.paths.bars({ size: [0.8, 40] });
    const twice = (value) => String(value).padStart(2, "0");
    const hours = (_, ticks) =>
      ticks.map((tick) => {
        const moment = new Date(tick * 1000);
        const clock = `${twice(moment.getUTCHours())}:${twice(moment.getUTCMinutes())}`;
        return moment.getUTCHours() === 0 ? `${clock}\n${moment.toISOString().slice(5, 10)}` : clock;
      });
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const options = {
      width: chart.clientWidth,
      height: 150,
      cursor: { drag: { x: false, y: false } },
      legend: { live: true },
      tzDate: (moment) => window.uPlot.tzDate(new Date(moment * 1000), "Etc/UTC"),
      axes: [{ ...axis, values: hours }, { ...axis, size: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }],
      scales: { y: { range: (_, low, high) => [0, Math.max(high, 4)] } },
      // Drawn from the tallest to the lowest, so that each covers what lies under it.
      series: [
        { label: "hour (UTC)", value: (_, moment) => (moment === null ? "–" : new Date(moment * 1000).toISOString().slice(0, 16).replace("T", " ")) },
        ...series
          .map((each, index) => ({
            label: each.label,
            stroke: fills[index],
            fill: fills[index],
            paths: bars,
            points: { show: false },
            value: (_, __, ___, hour) => (hour === null || hour === undefined ? "–" : each.values[hour]),
          }))
          .reverse(),
      ],
    };
    const plot = new window.uPlot(options, [times, ...sums.reverse()], chart);
    new ResizeObserver(() => plot.setSize({ width: chart.clientWidth, height: 150 })).observe(chart);
  }
})();

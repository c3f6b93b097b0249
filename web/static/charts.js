/* Draws the picture of each report from the table below it: what the table says is what is drawn. */
"use strict";

(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (cell) => (cell.dataset.value === undefined || cell.dataset.value === "" ? null : Number(cell.dataset.value));

  const read = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const rows = [...table.tBodies[0].rows];
    const drawn = heads.map((head, index) => ({ index, kind: head.dataset.drawn, name: head.textContent.trim() })).filter((c) => c.kind);
    return {
      names: rows.map((row) => row.cells[0].textContent.trim()),
      links: rows.map((row) => drawn.map((c) => row.cells[c.index].querySelector("a")?.href)),
      series: drawn.map((c) => ({ name: c.name, type: c.kind, data: rows.map((row) => number(row.cells[c.index])) })),
    };
  };

  const option = (found, across, width) => {
    const [ink, muted, line] = [colour("--pico-color"), colour("--pico-muted-color"), colour("--line")];
    const names = { type: "category", data: found.names, inverse: across, axisLabel: { color: muted, hideOverlap: true, ...(across ? { width: width * 0.35, overflow: "truncate" } : {}) }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false } };
    const values = { type: "value", axisLabel: { color: muted }, splitLine: { lineStyle: { color: line } } };
    return {
      color: ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"].map(colour),
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
      animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      animationDuration: 250,
      grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
      tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" }, backgroundColor: colour("--paper"), borderColor: line, textStyle: { color: ink } },
      xAxis: across ? values : names,
      yAxis: across ? names : values,
      series: found.series.map((s) => ({ ...s, connectNulls: false, barMaxWidth: 28, symbolSize: 7, lineStyle: { width: 2.5 }, label: { show: across && s.type === "bar" && found.series.length === 1, position: "right", color: ink } })),
    };
  };

  const draw = (figure) => {
    const found = read(figure.querySelector("table"));
    const place = figure.querySelector(".drawing");
    if (!place) return; // there are no figures to draw
    place.classList.add("on");
    const chart = echarts.init(place);
    const set = () => chart.setOption(option(found, figure.dataset.picture === "across", place.clientWidth));
    set();
    chart.on("click", (at) => {
      const link = found.links[at.dataIndex]?.[at.seriesIndex] ?? found.links[at.dataIndex]?.find(Boolean);
      if (link) location.assign(link);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", set);
    new ResizeObserver(() => chart.resize()).observe(place);
  };

  document.querySelectorAll("[data-picture]").forEach(draw);
})();

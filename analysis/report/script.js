"use strict";
// Adds to a page that is whole without it: curves that can be asked, links that open what they lead to.
(() => {
  const NEW = "http://www.w3.org/2000/svg";
  const words = (value) => String(Number(value.toPrecision(4))).replace("-", "\u2212");

  // A figure: every panel has tracks, a mean and its seeds; each is asked point by point.
  function explore(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const tip = figure.querySelector(".tip");
    figure.querySelectorAll("svg.plot").forEach((svg, place) => panel(svg, data.x, data.panels[place], tip));
  }

  function tracks(svg, lines) {
    const means = svg.querySelectorAll("polyline.mean");
    const seeds = [...svg.querySelectorAll("polyline.seed")];
    return lines.flatMap((line, place) => {
      const count = line.runs.length;
      const mean = { ...line.mean, drawn: means[place], about: `${line.cell}, mean of ${count} seed${count === 1 ? "" : "s"}` };
      const own = line.runs.map((run) => ({
        ...run, drawn: seeds.shift(), about: `${line.cell}, seed ${run.seed}`, run: `run ${run.id}`,
      }));
      return [mean, ...own];
    });
  }

  function panel(svg, xAxis, { y: yAxis, lines }, tip) {
    const all = tracks(svg, lines);
    const ring = svg.appendChild(document.createElementNS(NEW, "circle"));
    ring.setAttribute("class", "point");
    ring.setAttribute("r", "5");
    ring.setAttribute("visibility", "hidden");
    let at = null; // [track, point]

    const place = ([low, high, start, end], value) => start + ((value - low) / (high - low)) * (end - start);
    const spot = (track, point) => [place(xAxis, track.steps[point]), place(yAxis, track.values[point])];

    function show(track, point) {
      hide();
      at = [track, point];
      const [x, y] = spot(all[track], point);
      ring.setAttribute("cx", x);
      ring.setAttribute("cy", y);
      ring.removeAttribute("visibility");
      svg.classList.add("asked");
      all[track].drawn.classList.add("near");
      tell(all[track], point, x, y);
    }

    function tell(track, point, x, y) {
      const texts = [`step ${track.steps[point]}: ${words(track.values[point])}`, track.about, track.run];
      tip.replaceChildren(...texts.filter(Boolean).map((text) => {
        const line = document.createElement("span");
        line.textContent = text;
        return line;
      }));
      tip.hidden = false;
      const screen = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM());
      const box = tip.parentElement.getBoundingClientRect();
      const left = screen.x - box.left;
      const room = box.width - tip.offsetWidth;
      tip.style.left = `${Math.max(0, Math.min(left + 12, room))}px`;
      const above = screen.y - box.top - tip.offsetHeight - 12;
      tip.style.top = `${above > -60 ? above : screen.y - box.top + 14}px`;
    }

    function hide() {
      if (at) all[at[0]].drawn.classList.remove("near");
      at = null;
      svg.classList.remove("asked");
      ring.setAttribute("visibility", "hidden");
      tip.hidden = true;
    }

    function nearest(event) {
      const here = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = [0, 0], least = Infinity;
      all.forEach((track, number) => track.steps.forEach((_, point) => {
        const [x, y] = spot(track, point);
        const far = Math.hypot(x - here.x, y - here.y);
        if (far < least) [best, least] = [[number, point], far];
      }));
      return best;
    }

    // The point of another track that is nearest in steps.
    function beside(track, step) {
      const far = all[track].steps.map((each) => Math.abs(each - step));
      return far.indexOf(Math.min(...far));
    }

    function key(event) {
      if (event.key === "Escape") return hide();
      const [track, point] = at ?? [0, all[0].steps.length - 1];
      const last = all[track].steps.length - 1;
      const along = { ArrowLeft: Math.max(point - 1, 0), ArrowRight: Math.min(point + 1, last), Home: 0, End: last };
      const across = { ArrowUp: -1, ArrowDown: 1 };
      if (!(event.key in along || event.key in across)) return;
      event.preventDefault();
      if (!at) return show(track, point);
      if (event.key in along) return show(track, along[event.key]);
      const other = (track + across[event.key] + all.length) % all.length;
      show(other, beside(other, all[track].steps[point]));
    }

    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-roledescription", "chart, arrow keys read its points");
    svg.addEventListener("pointermove", (event) => show(...nearest(event)));
    svg.addEventListener("pointerdown", (event) => show(...nearest(event)));
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("keydown", key);
    svg.addEventListener("blur", hide);
  }

  // A link into a closed part opens it.
  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (target) target.scrollIntoView();
  }

  // Paper cannot be opened: all but the lineage, which names its runs in its summaries.
  let opened = [];
  function unfold() {
    opened = [...document.querySelectorAll("details:not([open]):not(.lineage)")];
    for (const part of opened) part.open = true;
  }

  // A frame takes the focus only where there is something to scroll.
  function frames() {
    const seen = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        if (target.scrollWidth > target.clientWidth) target.setAttribute("tabindex", "0");
        else target.removeAttribute("tabindex");
      }
    });
    for (const frame of document.querySelectorAll(".scroll")) seen.observe(frame);
  }

  function follow() {
    const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
    const list = document.querySelector(".contents");
    const show = (link) => {
      link.setAttribute("aria-current", "true");
      const [top, end] = [link.offsetTop, list.scrollTop + list.clientHeight];
      if (top < list.scrollTop || top + link.offsetHeight > end) list.scrollTop = top - list.clientHeight / 3;
    };
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        show(links.get(entry.target.id));
      }
    }, { rootMargin: "-5% 0px -85% 0px" });
    for (const id of links.keys()) seen.observe(document.getElementById(id));
  }

  document.querySelectorAll("figure.curves").forEach(explore);
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", () => opened.forEach((part) => { part.open = false; }));
  if (location.hash) reveal();
  follow();
  frames();
})();

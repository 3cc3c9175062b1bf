// Scripts add, never carry: every page works without this file.
(function () {
  "use strict";
  document.documentElement.classList.add("js");

  // On a narrow screen the page or tab one stands on may begin outside its scrolling row.
  document.querySelectorAll(".side, .tabs").forEach(function (row) {
    var here = row.querySelector("[aria-current]");
    if (here) row.scrollLeft += here.getBoundingClientRect().left - row.getBoundingClientRect().left - 16;
  });

  // Charts: the drawing library is fetched on the first press of the button, not before.
  var library = null;
  function load(source) {
    library = library || new Promise(function (done, fail) {
      var script = document.createElement("script");
      script.src = source;
      script.onload = done;
      script.onerror = fail;
      document.head.appendChild(script);
    });
    return library;
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-chart-load]");
    if (!button) return;
    var id = button.getAttribute("data-chart-load");
    var area = document.querySelector('[data-chart="' + id + '"]');
    var given = JSON.parse(document.getElementById(id + "-data").textContent);
    button.disabled = true;
    load(button.getAttribute("data-src")).then(function () {
      var holder = document.createElement("div");
      holder.className = "chart-live";
      area.replaceChildren(holder);
      // ast: the page's content policy forbids code made from text.
      return window.bienhoDraw(holder, given.spec, {
        actions: false, ast: true, renderer: "svg", defaultStyle: false,
        formatLocale: given.format, tooltip: { disableDefaultStyle: true }
      });
    }).then(function () { button.remove(); }, function () { button.disabled = false; });
  });

  // Answers by one key, only while the focus is inside what is asked, so that no key is taken from anybody's own tools.
  document.querySelectorAll("[data-keys]").forEach(function (asked) {
    asked.focus();
    asked.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
      if (event.target.closest("select, input, textarea")) return;
      var button = asked.querySelector('button[data-key="' + CSS.escape(event.key) + '"]');
      if (!button || asked.hasAttribute("data-sent")) return;
      event.preventDefault();
      asked.setAttribute("data-sent", "");
      button.click();
    });
  });

  // Map: one stop for the Tab key, arrows walk to the nearest commune in that direction.
  document.querySelectorAll("[data-map]").forEach(function (map) {
    var areas = Array.prototype.slice.call(map.querySelectorAll("a.area"));
    var now = map.parentNode.querySelector("[data-map-now]");
    if (!areas.length) return;
    function tell(area) { if (now && area) now.textContent = area.getAttribute("aria-label"); }
    areas.forEach(function (area, i) { area.setAttribute("tabindex", i ? "-1" : "0"); });
    function centre(area) {
      var b = area.getBBox();
      return { x: b.x + b.width / 2, y: b.y + b.height / 2 };
    }
    var steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    map.addEventListener("mouseover", function (event) { tell(event.target.closest("a.area")); });
    map.addEventListener("focusin", function (event) { tell(event.target.closest("a.area")); });
    map.addEventListener("keydown", function (event) {
      var from = event.target.closest("a.area"), step = steps[event.key];
      if (!from || !step) return;
      event.preventDefault();
      var c = centre(from), best = null, least = Infinity;
      areas.forEach(function (area) {
        if (area === from) return;
        var d = centre(area), x = d.x - c.x, y = d.y - c.y;
        var along = x * step[0] + y * step[1], aside = Math.abs(x * step[1]) + Math.abs(y * step[0]);
        if (along > 1 && along + 2 * aside < least) { least = along + 2 * aside; best = area; }
      });
      if (!best) return;
      from.setAttribute("tabindex", "-1");
      best.setAttribute("tabindex", "0");
      best.focus();
    });
  });
})();

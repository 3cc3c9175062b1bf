// A file on its way: how much of it has gone. Without this file the form is sent as any other.
(function () {
  "use strict";
  function show(answer, address) {
    var made = new DOMParser().parseFromString(answer, "text/html");
    var main = made.querySelector("main");
    if (!main) { window.location.assign(address); return; }
    document.title = made.title;
    document.querySelector("main").replaceWith(document.adoptNode(main));
    document.querySelector("main").focus();
    window.scrollTo(0, 0);
    watch();
  }
  function send(form) {
    var area = form.querySelector("[data-upload-progress]"), bar = area.querySelector("progress");
    var line = area.querySelector("p"), button = form.querySelector("button[type=submit]");
    var asked = new XMLHttpRequest(), told = -1;
    function say(text) { line.textContent = text; }
    area.hidden = false;
    button.disabled = true;
    asked.upload.addEventListener("progress", function (event) {
      if (!event.lengthComputable) return;
      var part = Math.floor(100 * event.loaded / event.total);
      bar.value = part;
      // a reader that speaks is told at every quarter, not at every packet
      if (part >= 100) say(line.getAttribute("data-waits"));
      else if (Math.floor(part / 25) !== told) { told = Math.floor(part / 25); say(line.getAttribute("data-said") + " " + part + " %"); }
    });
    asked.addEventListener("error", function () { button.disabled = false; say(line.getAttribute("data-failed")); });
    asked.addEventListener("load", function () {
      var here = form.action || window.location.href;
      if (asked.status === 200 && asked.responseURL && asked.responseURL.split("#")[0] !== here.split("#")[0]) {
        window.location.assign(asked.responseURL);
      } else {
        show(asked.responseText, here);
      }
    });
    asked.open("POST", form.action || window.location.href);
    asked.send(new FormData(form));
  }
  function watch() {
    document.querySelectorAll("form[data-upload]").forEach(function (form) {
      form.addEventListener("submit", function (event) {
        var file = form.querySelector("input[type=file]");
        if (!file || !file.files.length) return;
        event.preventDefault();
        send(form);
      });
    });
  }
  watch();
})();

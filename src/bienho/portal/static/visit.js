// The sheet of a visit: saved while one types, nothing typed is lost with the line or the session. Adds, never carries.
(function () {
  "use strict";
  var form = document.querySelector("form.visit");
  if (!form) return;
  var told = form.querySelector("[data-saved]"), token = form.elements.csrfmiddlewaretoken;
  var SAVE_AFTER = 1500, AGAIN_AFTER = 5000;
  var changed = false, timer = null, going = null, leaving = false;

  function tell(word, more, lost) {
    told.textContent = told.getAttribute("data-words-" + word) + (more ? " " + more : "");
    told.classList.toggle("visit-lost", !!lost);
    if (word === "locked") {
      var link = document.createElement("a");
      link.href = "/dang-nhap/mo-khoa/";
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = told.getAttribute("data-words-unlock");
      told.append(" ", link);
    }
  }
  function later(wait) {
    clearTimeout(timer);
    timer = setTimeout(save, wait);
  }
  function post(url, body) {
    return fetch(url, { method: "POST", body: body, redirect: "manual", headers: { "X-CSRFToken": token.value } });
  }
  // After signing in again elsewhere the token of this page is an old one: the page is asked for a new one.
  function fresh() {
    return fetch(location.href, { redirect: "manual" }).then(function (answer) {
      if (!answer.ok) return false;
      return answer.text().then(function (text) {
        var other = new DOMParser().parseFromString(text, "text/html").querySelector("[name=csrfmiddlewaretoken]");
        if (!other) return false;
        document.querySelectorAll("[name=csrfmiddlewaretoken]").forEach(function (one) { one.value = other.value; });
        return true;
      });
    });
  }
  function save(again) {
    if (going) return going;
    clearTimeout(timer);
    changed = false;
    tell("saving");
    going = post(form.dataset.save, new URLSearchParams(new FormData(form))).then(function (answer) {
      if (answer.type === "opaqueredirect") { tell("locked", "", true); return false; }
      if (answer.status === 403 && again !== true) {
        going = null;
        return fresh().then(function (found) {
          if (found) return save(true);
          tell("locked", "", true);
          return false;
        });
      }
      if (answer.status === 409) {
        return answer.json().then(function (found) {
          form.elements.ban.value = found.ban;
          tell("stale", "", true);
          return false;
        });
      }
      if (!answer.ok) { tell("lost", "", true); return false; }
      return answer.json().then(function (found) {
        form.elements.ban.value = found.ban;
        tell("saved", found.luc);
        return true;
      });
    }).catch(function () { tell("lost", "", true); return false; }).then(function (done) {
      going = null;
      if (!done) changed = true;
      if (changed) later(done ? SAVE_AFTER : AGAIN_AFTER);
      return done;
    });
    return going;
  }
  function typed() { changed = true; later(SAVE_AFTER); }
  form.addEventListener("input", typed);
  // On a slow line one types before this script has come.
  function differs(one) {
    if (one.localName === "select") {
      return one.selectedIndex !== Math.max(0, Array.prototype.findIndex.call(one.options, function (o) { return o.defaultSelected; }));
    }
    return one.type === "checkbox" ? one.checked !== one.defaultChecked : one.value !== one.defaultValue;
  }
  if (Array.prototype.some.call(form.querySelectorAll("input, select, textarea"), differs)) typed();
  window.addEventListener("online", function () { if (changed) save(); });
  document.addEventListener("visibilitychange", function () { if (changed) save(); });
  window.addEventListener("beforeunload", function (event) { if (changed && !leaving) event.preventDefault(); });

  // A press of a button first saves: where that fails the page stays, with all that was typed.
  form.addEventListener("submit", function (event) {
    if (leaving) return;
    var button = event.submitter;
    event.preventDefault();
    Promise.resolve(going).then(function () { return save(); }).then(function (done) {
      if (!done && !(button && button.value === "luu" && told.textContent === told.getAttribute("data-words-stale"))) return;
      leaving = true;
      form.requestSubmit(button);
    });
  });

  // Keys: Enter goes on to the next field, Ctrl+Enter sends.
  form.addEventListener("keydown", function (event) {
    if (event.key !== "Enter" || event.isComposing) return;
    if (event.ctrlKey) {
      event.preventDefault();
      form.requestSubmit(form.querySelector(".visit-actions [value=gui]"));
    } else if (event.target.matches("input:not([type=checkbox]), select")) {
      event.preventDefault();
      var fields = Array.prototype.filter.call(form.elements, function (one) {
        return one.offsetParent && !one.matches("[type=hidden], [tabindex='-1'], fieldset, button:not(.visit-actions *)");
      });
      var next = fields[fields.indexOf(event.target) + 1];
      if (next) next.focus();
    }
  });

  // Diseases: what was typed is looked for among all codes of the house; nothing of it stands in an address.
  var disease = form.elements.benh_chinh, diagnosis = form.elements.chan_doan, asked = "";
  var list = disease && document.getElementById(disease.getAttribute("list"));
  function name() {
    var found = Array.prototype.find.call(list.options, function (one) { return one.value === disease.value; });
    return found ? found.textContent : "";
  }
  function find() {
    var words = disease.value.trim();
    if (words.length < 2 || words === asked || name()) return;
    asked = words;
    post(form.dataset.find, new URLSearchParams({ tu: words })).then(function (answer) {
      return answer.ok ? answer.json() : null;
    }).then(function (found) {
      if (!found || asked !== words || !found.ma.length) return;
      list.replaceChildren.apply(list, found.ma.map(function (one) {
        var option = document.createElement("option");
        option.value = one[0];
        option.textContent = one[1];
        // a browser matches what is typed against value and words: marks are typed or not
        option.label = one[1];
        return option;
      }));
    }).catch(function () {});
  }
  if (list) {
    var wait = null, before = "";
    disease.addEventListener("input", function () { clearTimeout(wait); wait = setTimeout(find, 250); });
    disease.addEventListener("change", function () {
      disease.value = disease.value.trim().replace(/^[a-z]\d/, function (code) { return code.toUpperCase(); });
      if (diagnosis && name() && (!diagnosis.value || diagnosis.value === before)) diagnosis.value = before = name();
    });
  }

  // Drugs: one that was prescribed here before brings its line along; the count follows dose and days.
  var details = document.getElementById("visit-details");
  var known = details ? JSON.parse(details.textContent) : {};
  function part(line, name) { return line.querySelector("[name$='-" + name + "']"); }
  function amount(text) { return Number(text.replace(",", ".")); }
  form.addEventListener("change", function (event) {
    var line = event.target.closest("[data-line]");
    if (!line) return;
    var kind = event.target.name.replace(/^thuoc-\d+-/, "");
    if (kind === "ten" && known[event.target.value]) {
      Object.entries(known[event.target.value]).forEach(function (one) {
        var field = part(line, one[0]);
        if (field && one[1] && (!field.value || one[0] === "duong")) field.value = one[1];
      });
    }
    if (["moi_lan", "lan", "ngay"].indexOf(kind) >= 0) {
      var whole = amount(part(line, "moi_lan").value) * amount(part(line, "lan").value) * amount(part(line, "ngay").value);
      if (whole > 0) part(line, "so_luong").value = String(Math.ceil(whole));
    }
  });
  var add = form.querySelector("[data-add]");
  if (add) add.addEventListener("click", function (event) {
    var lines = form.querySelectorAll("[data-line]"), last = lines[lines.length - 1], number = lines.length + 1;
    if (number > 20) return;
    event.preventDefault();
    var copy = last.cloneNode(true);
    copy.querySelectorAll(".field-error").forEach(function (one) { one.remove(); });
    copy.querySelectorAll("[name]").forEach(function (field) {
      field.name = field.name.replace(/^thuoc-\d+/, "thuoc-" + number);
      if (!field.name.endsWith("-duong")) field.value = "";
      field.removeAttribute("aria-invalid");
    });
    copy.querySelectorAll("[id], [for], [aria-describedby]").forEach(function (one) {
      ["id", "for", "aria-describedby"].forEach(function (kind) {
        var text = one.getAttribute(kind);
        if (text) one.setAttribute(kind, text.replace(/thuoc-\d+/, "thuoc-" + number));
      });
    });
    copy.querySelector("legend").textContent = last.querySelector("legend").textContent.replace(/\d+/, number);
    last.after(copy);
    copy.querySelector("input").focus();
  });
})();

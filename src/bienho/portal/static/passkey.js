// Passkeys: the browser is asked for one, and its answer is sent as a form. Buttons appear where the browser can.
(function () {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }
  function text(buffer) {
    var plain = "";
    new Uint8Array(buffer).forEach(function (one) { plain += String.fromCharCode(one); });
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function opened(options) {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    ["allowCredentials", "excludeCredentials"].forEach(function (list) {
      (options[list] || []).forEach(function (one) { one.id = bytes(one.id); });
    });
    return options;
  }
  function told(credential) {
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (part) {
      if (credential.response[part]) response[part] = text(credential.response[part]);
    });
    return JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type,
      clientExtensionResults: {}, response: response
    });
  }

  document.querySelectorAll("form[data-passkey]").forEach(function (form) {
    var act = form.getAttribute("data-passkey");
    var button = form.querySelector("button");
    var problem = form.querySelector("[data-passkey-problem]");
    form.hidden = false;
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      button.disabled = true;
      problem.hidden = true;
      var asked = new FormData();
      asked.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      asked.set("viec", act);
      fetch(form.getAttribute("data-options"), { method: "POST", body: asked, credentials: "same-origin" })
        .then(function (answer) {
          if (!answer.ok) throw new Error("refused");
          return answer.json();
        })
        .then(function (options) { return navigator.credentials[act]({ publicKey: opened(options) }); })
        .then(function (credential) {
          form.elements.tra_loi.value = told(credential);
          form.submit();
        })
        .catch(function () {
          problem.hidden = false;
          button.disabled = false;
        });
    });
  });
})();

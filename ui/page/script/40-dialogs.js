// Drawers, the product close up, panels, questions. The browser's own dialog keeps the keyboard inside and closes by Escape.
function openDialog(dialog) {
  if (!dialog.open) dialog.showModal();
}

function closeAll() {
  $$("dialog[open]").forEach((d) => d.matches(":modal") && d.close());
}

regions.sheet = (value) => {
  draw($("#sheet"), value.html);
  $("#sheet-dialog").scrollTop = 0;
  openDialog($("#sheet-dialog"));
  mark();
};

regions.panel = (value) => {
  const panel = $("#panel-dialog");
  if (panel.dataset.awaited === "closed") return delete panel.dataset.awaited; // the shopper waits no longer
  delete panel.dataset.awaited;
  $("#panel-title").textContent = value.title;
  panel.classList.toggle("wide", value.kind === "wide");
  draw($("#panel"), value.html);
  openDialog(panel);
  mark();
};

// What is asked for opens at once; what it says comes when it is known.
function awaitPanel(title, wide = false) {
  const panel = $("#panel-dialog");
  $("#panel-title").textContent = words[title];
  panel.classList.toggle("wide", wide);
  $("#panel").innerHTML = '<span class="dots"><i></i><i></i><i></i></span>';
  panel.dataset.awaited = "open";
  openDialog(panel);
}

function awaitPanelNoMore() {
  if ($("#panel-dialog").dataset.awaited) $("#panel-dialog").close();
  delete $("#panel-dialog").dataset.awaited;
}

does.close = (target) => target.closest("dialog").close();
does.drawer = ({ dataset }) => {
  if (dataset.tab) showTab(dataset.tab);
  const dialog = $(dataset.drawer === "kept" ? "#kept" : `#${dataset.drawer}-drawer`);
  if (dialog.id === "kept" && desk.matches) $(`#tab-${dataset.tab}`).focus();
  else openDialog(dialog);
};
does.tab = ({ dataset }) => showTab(dataset.tab);

function showTab(name) {
  for (const tab of $$("#kept [role=tab]")) {
    const chosen = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    $(`#${tab.dataset.tab}`).hidden = !chosen;
  }
}

// On a desk the bag stands beside the conversation, on a phone it is a drawer.
function placeKept() {
  const kept = $("#kept");
  if (kept.open) kept.close();
  kept.toggleAttribute("open", desk.matches);
  kept.setAttribute("role", desk.matches ? "complementary" : "dialog");
}

// A question that must be answered: resolves to false, true, or what was typed. The button says what it does.
function question(text, yes, typed) {
  const dialog = $("#question-dialog");
  const input = $("#question-input");
  $("#question-text").textContent = text;
  $("[value=yes]", dialog).textContent = yes;
  input.hidden = typed === undefined;
  input.value = typed ?? "";
  dialog.returnValue = "no";
  dialog.showModal();
  (typed === undefined ? $("[value=no]", dialog) : input).focus();
  input.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" && (typed === undefined || input.value.trim())), { once: true });
  });
}

whenOpen.push((house) => {
  placeKept();
  desk.addEventListener("change", placeKept);
  $$("dialog").forEach((dialog) => dialog.addEventListener("click", (event) => {
    // A click beside a dialog is a click on its backdrop.
    if (event.target === dialog && dialog.matches(":modal") && dialog.id !== "question-dialog") dialog.close();
  }));
  $("#panel-dialog").addEventListener("close", ({ target }) => { if (target.dataset.awaited) target.dataset.awaited = "closed"; });
  $("#kept [role=tablist]").addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = $$("#kept [role=tab]").find((t) => t.getAttribute("aria-selected") !== "true");
    showTab(other.dataset.tab);
    other.focus();
  });
  $("#question-input").addEventListener("keydown", (event) => {
    if (!entered(event)) return;
    event.preventDefault();
    $("#question-dialog").close("yes");
  });
  house.addEventListener("submit", (event) => {
    if (event.target.dataset.do !== "ask-about") return;
    event.preventDefault();
    const text = $("input", event.target).value.trim();
    if (!text) return;
    closeAll();
    tell("say", { text });
  });
});

// Short notes at the edge of the page, with a way back where there is one.
const NOTE_STAYS = 6000; // ms
let noteTimer = 0;

regions.note = (value) => {
  if (value.bad) awaitPanelNoMore();
  if (value.text) note(value.text, value.undo, value.bad, value.english);
};

function note(text, undo, bad = false, english = false) {
  const place = $("dialog:modal") ?? $("#head").parentElement; // where clicks are listened to
  const shown = $("#note");
  place.append(shown); // what lies under a dialog can be neither seen nor heard
  shown.className = bad ? "shown bad" : "shown";
  shown.replaceChildren(Object.assign(document.createElement("span"), { textContent: text, lang: english ? "en" : "" }));
  if (undo) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: words.undo });
    Object.assign(button.dataset, undo);
    button.addEventListener("click", hideNote);
    shown.append(button);
  }
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => (shown.matches(":hover, :focus-within") ? (noteTimer = setTimeout(hideNote, NOTE_STAYS)) : hideNote()), NOTE_STAYS);
}

function hideNote() {
  $("#note").className = "";
  $("#note").replaceChildren();
}

// Gradio says in a box of its own, in English, what went wrong with the line.
whenOpen.push(() => {
  new MutationObserver((changes) => {
    const came = changes.flatMap((c) => [...c.addedNodes]).filter((n) => n.nodeType === 1);
    if (came.some((n) => n.matches(".toast-body") || $(".toast-body", n))) { awaitPanelNoMore(); note(words.no_connection, null, true); }
  }).observe(document.body, { childList: true, subtree: true });
});

window.addEventListener("offline", () => note(words.no_connection, null, true));
window.addEventListener("online", () => note(words.back_online));

// Short notes at the edge of the page, with a way back where there is one.
const NOTE_STAYS = 6000; // ms
let noteTimer = 0;

regions.note = (value) => value.text && note(value.text, value.undo, value.bad);

function note(text, undo, bad = false) {
  const place = $("dialog:modal") ?? $("#house");
  const shown = $("#note");
  place.append(shown); // what lies under a dialog can be neither seen nor heard
  shown.className = bad ? "shown bad" : "shown";
  shown.replaceChildren(Object.assign(document.createElement("span"), { textContent: text }));
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

window.addEventListener("offline", () => note(words.offline, null, true));
window.addEventListener("online", () => note(words.back_online));

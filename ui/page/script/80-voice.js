// The browser's own ear, and only where it understands on this machine: a browser's usual way is to send what is said
// to a server of its maker, and nothing of a visit leaves the machine.
const Ear = window.SpeechRecognition ?? window.webkitSpeechRecognition;
// What a browser has words of is named with a region.
const SPOKEN = { en: "en-US", de: "de-DE", fr: "fr-FR", es: "es-ES", ja: "ja-JP" };
let ear = null; // while it listens
let heardIn = ""; // the language the button was last asked for

function spokenLanguage(code) {
  return navigator.languages.find((l) => l.startsWith(`${code}-`)) ?? SPOKEN[code] ?? code;
}

async function hearsHere(language) {
  if (typeof Ear?.available !== "function" || !("processLocally" in Ear.prototype)) return false;
  try {
    return (await Ear.available({ langs: [language], processLocally: true })) === "available";
  } catch {
    return false;
  }
}

async function offerVoice(code) {
  const language = spokenLanguage(code);
  if (language === heardIn) return;
  heardIn = language;
  stopListening();
  const hears = await hearsHere(language);
  if (language === heardIn) $("[data-do=voice]").hidden = !hears;
}

function tellVoice(name, bad = false) {
  const state = $("#voice-state");
  state.textContent = name ? words[name] : "";
  state.classList.toggle("bad", bad);
}

function listen() {
  const before = box().value.trim();
  let problem = "";
  let heard = "";
  ear = Object.assign(new Ear(), { lang: heardIn, processLocally: true, interimResults: true, continuous: false });
  ear.onresult = (event) => {
    heard = [...event.results].map((result) => result[0].transcript).join(" ").trim();
    box().value = [before, heard].filter(Boolean).join(" ").slice(0, box().maxLength);
    box().dispatchEvent(new Event("input", { bubbles: true }));
  };
  ear.onerror = (event) => { problem = event.error; };
  ear.onend = () => {
    ear = null;
    $("[data-do=voice]").setAttribute("aria-pressed", "false");
    if (["not-allowed", "service-not-allowed"].includes(problem)) tellVoice("voice_denied", true);
    else if (problem === "audio-capture") tellVoice("voice_no_microphone", true);
    else if (problem && !["no-speech", "aborted"].includes(problem)) tellVoice("voice_failed", true);
    else if (heard) tellVoice("voice_heard");
    else tellVoice(problem === "aborted" ? "" : "voice_nothing");
    // What was heard is looked at before it is sent: the box has the keyboard, Enter sends.
    box().focus({ preventScroll: true });
  };
  try {
    ear.start();
  } catch {
    ear = null;
    return tellVoice("voice_failed", true);
  }
  $("[data-do=voice]").setAttribute("aria-pressed", "true");
  tellVoice("voice_listening");
}

function stopListening() {
  ear?.stop();
}

does.voice = () => (ear ? stopListening() : listen());

whenOpen.push(() => {
  $("#box-tools").insertAdjacentHTML("beforeend",
    '<button type="button" class="round" data-do="voice" data-label="voice" aria-pressed="false" hidden><svg class="icon" aria-hidden="true"><use href="#icon-voice"/></svg></button>');
  $("#box").insertAdjacentHTML("afterend", '<p id="voice-state" role="status" aria-live="polite"></p>');
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") ear?.abort(); });
  const sent = () => { stopListening(); tellVoice(""); };
  $("#box").addEventListener("submit", sent, true);
  box().addEventListener("keydown", (event) => { if (entered(event) && !event.shiftKey) sent(); }, true);
  box().addEventListener("input", () => { if (!ear) tellVoice(""); });
  const drawPast = regions.past;
  regions.past = (value) => {
    drawPast(value);
    offerVoice(value.hears);
  };
});

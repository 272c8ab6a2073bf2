// The page's script, in the order of the files' names and one scope. Gradio calls `shop.open` when the house stands and
// `shop.wire` for each region; what a region is given next is drawn by the function of its name in `regions`.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const desk = window.matchMedia("(min-width: 1181px)");
const pointer = window.matchMedia("(hover: hover) and (pointer: fine)");

const regions = {}; // name → function(value)
const does = {}; // data-do → function(target, event)
const whenOpen = []; // what other files do once the house stands
let words = {}; // of the language that the page speaks; `firstWords` has those of the skeleton in every language
let trigger = null;
let visit = { thread: "", guest: false, turns: 0 };
let arrived = false; // the first state of the page is here: before, events would come from nobody
const early = [];

function send(name, data = {}) {
  if (arrived) trigger(`shop_${name}`, data);
  else early.push([name, data]);
}

function say(name, figures = {}) {
  return Object.entries(figures).reduce((text, [key, value]) => text.replaceAll(`{${key}}`, value), words[name] ?? "");
}

// HTML made and escaped by the server.
function draw(element, html) {
  const focused = document.activeElement;
  const held = element.contains(focused) ? { do: focused.dataset.do, pid: focused.dataset.pid } : null;
  element.innerHTML = html;
  if (held) (held.do && $(`[data-do="${held.do}"]${held.pid ? `[data-pid="${CSS.escape(held.pid)}"]` : ""}`, element))?.focus();
}

function number(text) {
  return text === undefined || text === "" ? null : Number(text);
}

function aboutOf({ pid, turn, position, name }) {
  return { pid, turn: number(turn), position: number(position), name };
}

function remember(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`shop-${name}`);
    localStorage.setItem(`shop-${name}`, value);
  } catch {
    // A browser that keeps nothing: the setting holds for this visit.
  }
  return null;
}

function speak(language, said) {
  words = said;
  document.documentElement.lang = language;
  $$("[data-word]").forEach((e) => (e.textContent = words[e.dataset.word]));
  $$("[data-label]").forEach((e) => { e.setAttribute("aria-label", words[e.dataset.label]); e.title = words[e.dataset.label]; });
  $$("[data-hint]").forEach((e) => (e.placeholder = words[e.dataset.hint]));
}

// As the server will choose: what was spoken last, else the browser's own. So no other language flashes up before.
function speakAtFirst() {
  const wanted = [remember("language"), ...navigator.languages.map((code) => code.split("-")[0].toLowerCase()), "en"];
  const language = wanted.find((code) => firstWords[code]);
  speak(language, firstWords[language]);
}

// Enter that ends the writing of a Japanese word is not meant for the page (229: as Safari says it).
function entered(event) {
  return event.key === "Enter" && !event.isComposing && event.keyCode !== 229;
}

regions.past = (value) => {
  const [before, section] = [visit, $("#past .pending[data-sent]")];
  visit = value;
  speak(value.language, value.words);
  remember("language", value.picked ? value.language : "");
  $(".guest-sign").hidden = !value.guest;
  draw($("#past"), value.html);
  arrived = true;
  early.splice(0).forEach(([name, data]) => send(name, data));
  carryOn(section, before, value);
  drawSettings(value);
  if (value.guest && before.thread && !before.guest) note(words.guest_keeps_nothing);
  showLastTurn();
  mark();
};

window.shop = {
  open(element, about, events) {
    trigger = events;
    $(".shop", element).textContent = about.shop;
    // Gradio's main part goes around all of the page; the page has one of its own.
    element.closest("main")?.setAttribute("role", "none");
    speakAtFirst();
    element.addEventListener("click", (event) => {
      const target = event.target.closest("[data-do]");
      if (target && target.tagName !== "FORM" && !target.disabled) does[target.dataset.do]?.(target, event);
    });
    whenOpen.forEach((then) => then(element));
  },
  wire(name, props, watch) {
    watch("value", () => props.value && regions[name]?.(props.value));
  },
};

// The conversation: the box, a turn as it is answered, and where the page stands meanwhile.
const PATIENCE = 20000; // ms without a sign of an answer, after which the shopper is told
const WONDERING = 2500; // ms after which it is asked whether the shop is there at all
let waiting = null; // the turn that is being answered: {sent, name, data, timer}
const queue = []; // what was sent meanwhile
const answered = []; // what is done when nothing is waited for any more
let count = 0;

function tell(name, data, shown = data.text) {
  const turn = { sent: `${Date.now()}-${++count}`, name, data, shown };
  queue.push(turn);
  if (!waiting) next();
}

// What draws the whole conversation anew would lose the turn that is being answered.
function whenAnswered(then) {
  if (waiting) answered.push(then);
  else then();
}

function next() {
  waiting = queue.shift() ?? null;
  $("#talk").toggleAttribute("aria-busy", Boolean(waiting));
  if (!waiting) return answered.splice(0).forEach((then) => then());
  const { sent, name, data, shown } = waiting;
  $("#past .welcome")?.remove();
  $$("#past .prompts").forEach((p) => p.remove());
  const section = document.createElement("section");
  section.className = "turn pending";
  section.dataset.sent = sent;
  section.tabIndex = -1;
  if (shown) {
    const said = document.createElement("div");
    said.className = "said";
    said.append(Object.assign(document.createElement("p"), { textContent: shown }));
    section.append(said);
  }
  section.insertAdjacentHTML("beforeend", '<div class="reply"><span class="dots"><i></i><i></i><i></i></span></div>');
  $("#past").append(section);
  toTop(section);
  waiting.timer = setTimeout(() => failed(sent), PATIENCE);
  waiting.wondering = setInterval(() => lookAround(sent), WONDERING);
  if (shown) draft(shown);
  send(name, { ...data, sent });
}

// The conversation was drawn anew: another one leaves behind what was asked in the last; in the same one, what is being
// answered stays, unless the answer is there by now. What was asked before the page knew its conversation stays as well.
function carryOn(section, before, now) {
  if (!waiting) return;
  const same = now.thread === before.thread;
  if (section && (!before.thread || (same && now.turns <= before.turns))) {
    $("#past .welcome")?.remove();
    return $("#past").append(section);
  }
  if (!same) queue.length = 0;
  clearTimeout(waiting.timer);
  next();
}

function toTop(section) {
  section.scrollIntoView({ block: "start", behavior: still.matches ? "auto" : "smooth" });
}

function rest() {
  clearTimeout(waiting?.timer);
  clearInterval(waiting?.wondering);
}

async function lookAround(sent) {
  try {
    await fetch(location.href, { method: "HEAD", cache: "no-store" });
  } catch {
    failed(sent);
  }
}

// What is being written or was not answered yet survives a reload of the page.
function draft(text) {
  try {
    if (text === undefined) return sessionStorage.getItem("shop-draft") ?? "";
    sessionStorage.setItem("shop-draft", text);
  } catch {
    // A browser that keeps nothing.
  }
  return "";
}

// Nothing came: the sentence stays, and can be sent again.
function failed(sent) {
  const section = $(`[data-sent="${sent}"]`);
  if (!section || waiting?.sent !== sent) return;
  rest();
  section.dataset.state = "failed";
  $(".reply", section).innerHTML = "<p></p>";
  $(".reply p", section).textContent = words.offline;
  hear([$(".reply p", section)]);
  $(".ghosts", section)?.remove();
  if (waiting.shown && !box().value) box().value = waiting.shown;
  grow();
  next();
}

regions.live = (value) => {
  const section = $(`#past [data-sent="${value.sent}"]`);
  if (!section) return;
  const holder = document.createElement("template");
  holder.innerHTML = value.html;
  const drawn = holder.content.firstElementChild;
  if (waiting?.sent === value.sent) {
    rest();
    if (waiting.shown) draft(box().value);
  }
  if (!value.done && section.dataset.state === "busy") {
    // Only the words that came: a reply that is replaced as a whole would be read out from its beginning again.
    $(".reply", section).replaceChildren(...$(".reply", drawn).childNodes);
    if (!$(".ghosts", drawn)) $(".ghosts", section)?.remove();
    return;
  }
  drawn.dataset.sent = value.sent;
  drawn.tabIndex = -1;
  const focused = section.contains(document.activeElement);
  section.replaceWith(drawn);
  if (focused) drawn.focus({ preventScroll: true });
  if (!value.done) return;
  if (drawn.dataset.state === "failed") $("[data-do=again]", drawn)?.setAttribute("data-again", JSON.stringify([waiting?.name, waiting?.data, waiting?.shown]));
  hear([...$$(".reply p", drawn), $(".grid", drawn)]);
  visit.turns += 1;
  mark();
  if (waiting?.sent === value.sent) next();
};

// A screen reader hears an answer when it stands, once and whole: it would begin anew with each word that is written.
function hear(parts) {
  const said = parts.filter(Boolean);
  $("#heard").lang = said[0]?.lang ?? "";
  $("#heard").textContent = said.map((e) => e.getAttribute("aria-label") ?? e.textContent).join(" ");
}

regions.wishes = (value) => draw($("#wishes"), value.html);

function showLastTurn() {
  const turns = $$("#past .turn");
  if (turns.length) turns[turns.length - 1].scrollIntoView({ block: "start" });
  else window.scrollTo(0, 0);
}

const box = () => $("#words");

function grow() {
  box().style.height = "auto";
  box().style.height = `${Math.min(box().scrollHeight, 140)}px`;
}

function submit() {
  const text = box().value.trim();
  if (!text) return;
  box().value = "";
  grow();
  tell("say", { text });
}

// After a tap on something that goes away, the keyboard's place is the box; on a phone that would open its keyboard.
function settle() {
  if (pointer.matches) box().focus({ preventScroll: true });
}

does.say = ({ dataset }) => { closeAll(); tell("say", { text: dataset.text }); settle(); };
does.again = ({ dataset }) => {
  const [name, data, shown] = JSON.parse(dataset.again || "[]");
  if (name) tell(name, data, shown);
  settle();
};
does.drop = ({ dataset }) => { tell("tap", { wish: JSON.parse(dataset.wish) }, null); settle(); };
does.undo = () => { tell("tap", {}, null); settle(); };
does.redo = () => { tell("tap", { redo: true }, null); settle(); };

whenOpen.push(() => {
  box().value = draft();
  grow();
  box().addEventListener("input", () => { grow(); draft(box().value); });
  box().addEventListener("keydown", (event) => {
    if (entered(event) && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  });
  $("#box").addEventListener("submit", (event) => { event.preventDefault(); submit(); box().focus(); });
  $("#past").addEventListener("keydown", (event) => {
    const row = event.target.closest(".grid");
    if (row === event.target && ["ArrowLeft", "ArrowRight"].includes(event.key) && row.scrollWidth > row.clientWidth)
      row.scrollBy({ left: (event.key === "ArrowRight" ? 0.8 : -0.8) * row.clientWidth, behavior: still.matches ? "auto" : "smooth" });
  });
});

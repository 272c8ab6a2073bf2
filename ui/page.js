// Runs once for each HTML part of the page; `element`, `trigger`, `props` and `watch` come from Gradio's HTML component.
// A click on anything with data-do becomes an event of that component: "shop_open" "shop_add" "shop_remove" "shop_say" "shop_fresh".

function inBag() {
  const panel = document.querySelector(".bag-panel");
  const pids = new Set((panel?.dataset.pids || "").split(" ").filter(Boolean));
  document.querySelectorAll("button.add[data-pid]").forEach((b) => b.classList.toggle("held", pids.has(b.dataset.pid)));
  document.querySelectorAll(".bag-button .count").forEach((c) => (c.textContent = pids.size ? String(pids.size) : ""));
}

function close() {
  document.body.style.overflow = "";
  props.value = "";
}

function act(target, event) {
  const { do: what, pid, turn, position, text } = target.dataset;
  const about = { pid, turn: turn ?? null, position: position ? Number(position) : null };
  if (what === "open") trigger("shop_open", about);
  else if (what === "add" && !target.classList.contains("held")) trigger("shop_add", about);
  else if (what === "remove") trigger("shop_remove", about);
  else if (what === "say") trigger("shop_say", { text });
  else if (what === "fresh") trigger("shop_fresh", {});
  else if (what === "bag") document.getElementById("bag")?.toggleAttribute("data-open");
  else if (what === "close") close();
  event.stopPropagation();
}

element.addEventListener("click", (event) => {
  const target = event.target.closest("[data-do], button:disabled");
  if (target && element.contains(target) && target.dataset.do) act(target, event);
});
element.addEventListener("keydown", (event) => {
  const card = event.target.closest(".card");
  if (event.key === "Enter" && card === event.target) act(card, event);
});

const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
let turnsBefore = 0;
watch("value", () => {
  inBag();
  if (element.querySelector(".sheet")) {
    document.body.style.overflow = "hidden";
    element.querySelector(".sheet .close").focus({ preventScroll: true });
  }
  const turns = element.querySelectorAll(".turn, .pending");
  if (turns.length > turnsBefore)
    turns[turns.length - 1].scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  turnsBefore = turns.length;
});
if (element.closest("#details"))
  document.addEventListener("keydown", (event) => event.key === "Escape" && props.value && close());
inBag();

// Products: what is in the bag, saved and judged shows on every card; up to four are laid side by side.
const MOST_COMPARED = 4;
let mine = { in_bag: [], in_saved: [], judged: {}, judged_turns: {} };
const compared = new Map(); // pid → title

regions.mine = (value) => {
  mine = value;
  draw($("#bag"), value.html);
  draw($("#saved"), value.saved);
  mark();
};

function mark() {
  $$("button.add[data-pid]").forEach((b) => b.classList.toggle("held", mine.in_bag.includes(b.dataset.pid)));
  const press = (selector, pressed) => $$(selector).forEach((b) => b.setAttribute("aria-pressed", String(pressed(b.dataset))));
  press("[data-do=save]", ({ pid }) => mine.in_saved.includes(pid));
  press("[data-do=judge][data-pid]", ({ pid, verdict }) => mine.judged[pid] === verdict);
  press("[data-do=judge]:not([data-pid])", ({ turn, verdict }) => mine.judged_turns[turn] === verdict);
  press("[data-do=compare]", ({ pid }) => compared.has(pid));
  $$(".card[data-pid]").forEach((c) => c.classList.toggle("disliked", mine.judged[c.dataset.pid] === "down"));
  $$(".bag-button .count, .bag-count").forEach((c) => (c.textContent = mine.in_bag.length || ""));
  $$(".saved-count").forEach((c) => (c.textContent = mine.in_saved.length || ""));
  $("#compare-bar").hidden = compared.size === 0;
  $("[data-do=compare-now]").textContent = say("compare_chosen", { n: compared.size });
  $("[data-do=compare-now]").disabled = compared.size < 2;
}

does.open = ({ dataset }) => send("look", aboutOf(dataset));
does.add = ({ dataset, classList }) => classList.contains("held") ? does.drawer($(".bag-button")) : send("add", aboutOf(dataset));
does.remove = ({ dataset }) => send("remove", aboutOf(dataset));
does.save = ({ dataset }) => send("save", { ...aboutOf(dataset), undo: mine.in_saved.includes(dataset.pid) });
does.unsave = ({ dataset }) => send("save", { ...aboutOf(dataset), undo: true });
does.judge = (target) => {
  const { verdict } = target.dataset;
  send("judge", { ...aboutOf(target.dataset), verdict: verdict && target.getAttribute("aria-pressed") !== "true" ? verdict : null });
};
does.compare = ({ dataset: { pid, name } }) => {
  if (!compared.delete(pid) && compared.size < MOST_COMPARED) compared.set(pid, name);
  mark();
};
does["compare-now"] = () => { awaitPanel("comparison", true); send("compare", { pids: [...compared.keys()] }); };
does["compare-clear"] = () => { compared.clear(); mark(); settle(); };
does.why = ({ dataset }) => { awaitPanel("why_these"); send("why", aboutOf(dataset)); };
does.trace = ({ dataset }) => { awaitPanel("trace"); send("trace", aboutOf(dataset)); };

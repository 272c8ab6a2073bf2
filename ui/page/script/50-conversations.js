// Conversations, and how the page is set.
regions.conversations = (value) => {
  draw($("#conversations"), value.html);
  document.title = value.title ? `${value.title} · ${$(".shop").textContent}` : $(".shop").textContent;
};

regions.file = (value) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([value.text], { type: "application/json" }));
  link.download = value.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

does.fresh = () => { closeAll(); send("fresh"); settle(); };
does.guest = () => { closeAll(); send("fresh", { guest: !visit.guest }); settle(); };
does.resume = ({ dataset }) => { closeAll(); send("resume", { thread: dataset.thread }); settle(); };
does.export = ({ dataset }) => send("export", { thread: dataset.thread });
does.rename = async ({ dataset }) => {
  const title = await question(words.rename_to, dataset.name);
  if (title) send("rename", { thread: dataset.thread, title });
};
does.delete = async ({ dataset }) => {
  if (await question(say("delete_sure", { what: dataset.name }))) send("delete", { thread: dataset.thread });
};
does.forget = async () => {
  if (await question(words.forget_sure)) send("delete", { all: true });
};

function drawSettings(value) {
  const select = $("#page-language");
  select.replaceChildren(...Object.entries(value.languages).map(([code, name]) => new Option(name, code, false, code === value.language)));
  $("[data-do=guest]").textContent = value.guest ? words.guest_end : words.guest_mode;
  $("[data-do=guest]").hidden = value.always_guests;
}

whenOpen.push(() => {
  $("#page-language").addEventListener("change", (event) => send("speak", { language: event.target.value }));
  const engineers = $("#engineers");
  const show = () => document.body.classList.toggle("with-traces", engineers.checked);
  engineers.checked = remember("engineers") === "1";
  engineers.addEventListener("change", () => { remember("engineers", engineers.checked ? "1" : "0"); show(); });
  show();
});

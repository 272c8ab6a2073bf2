// Conversations, and how the page is set.
regions.conversations = (value) => {
  draw($("#conversations"), value.html);
  $$("#conversations time").forEach((e) => (e.textContent = moment(new Date(e.dateTime), value.language)));
  document.title = value.title ? `${value.title} · ${$(".shop").textContent}` : $(".shop").textContent;
};

// "today 14:05", "gestern 9:12", "12 janv.": by the shopper's clock, as the browser's own region writes it.
function moment(at, language) {
  const locale = navigator.languages.find((code) => code.split("-")[0] === language) ?? language;
  const midnight = (day) => new Date(day.getFullYear(), day.getMonth(), day.getDate());
  const days = Math.round((midnight(at) - midnight(new Date())) / 86400000);
  if (days < -1 || days > 0) {
    const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year }).format(at);
  }
  const day = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day");
  return `${day} ${new Intl.DateTimeFormat(locale, { timeStyle: "short" }).format(at)}`;
}

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
  const title = await question(words.rename_to, words.rename, dataset.name);
  if (title) send("rename", { thread: dataset.thread, title });
};
does.delete = async ({ dataset }) => {
  if (await question(say("delete_sure", { what: dataset.name }), words.delete)) send("delete", { thread: dataset.thread });
};
does.forget = async () => {
  if (await question(words.forget_sure, words.delete)) send("delete", { all: true });
};

function drawSettings(value) {
  const select = $("#page-language");
  select.replaceChildren(...Object.entries(value.languages).map(([code, name]) => new Option(name, code, false, code === value.language)));
  $("[data-do=guest]").textContent = value.guest ? words.guest_end : words.guest_mode;
  $("[data-do=guest]").hidden = value.always_guests;
}

whenOpen.push(() => {
  $("#page-language").addEventListener("change", ({ target }) => whenAnswered(() => send("speak", { language: target.value })));
  const engineers = $("#engineers");
  const show = () => document.body.classList.toggle("with-traces", engineers.checked);
  engineers.checked = remember("engineers") === "1";
  engineers.addEventListener("change", () => { remember("engineers", engineers.checked ? "1" : "0"); show(); });
  show();
});

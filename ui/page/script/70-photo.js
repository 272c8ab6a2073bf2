// Something like this: a photo that is chosen, dropped or pasted. It is made small and plain here, so that neither its
// place nor its time leaves the browser; the shop looks at it once and keeps nothing of it.
const PHOTO_TYPES = ["image/jpeg", "image/png", "image/webp"];
const PHOTO_BYTES = 10 * 1024 * 1024;
const PHOTO_PIXELS = 40_000_000;
const PHOTO_SIDE = 768; // what the shop's encoder looks at is smaller still
let photo = null; // the one that waits to be sent: {data, url}
const thumbs = new Map(); // the browser's name of a turn → what to show of its photo, for as long as the page stands

async function choosePhoto(file) {
  if (!visit.photos || !file) return;
  if (!PHOTO_TYPES.includes(file.type)) return note(words.photo_unreadable, null, true);
  if (file.size > PHOTO_BYTES) return note(words.photo_too_large, null, true);
  try {
    photo = await madeSmall(file);
  } catch (problem) {
    return note(problem === PHOTO_PIXELS ? words.photo_too_large : words.photo_unreadable, null, true);
  }
  drawPhoto();
  $("[data-do=photo-send]").focus();
}

async function madeSmall(file) {
  const picture = await createImageBitmap(file); // upright, as its file says it was held
  if (picture.width * picture.height > PHOTO_PIXELS) throw PHOTO_PIXELS;
  const scale = Math.min(1, PHOTO_SIDE / Math.max(picture.width, picture.height));
  const canvas = Object.assign(document.createElement("canvas"), {
    width: Math.max(1, Math.round(picture.width * scale)), height: Math.max(1, Math.round(picture.height * scale)),
  });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white"; // a JPEG has no transparency
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const url = canvas.toDataURL("image/jpeg", 0.9);
  return { url, data: url.slice(url.indexOf(",") + 1) };
}

function drawPhoto() {
  $("#photo-bar").hidden = !photo;
  if (photo) $("#photo-bar img").src = photo.url;
  else $("#photo-bar img").removeAttribute("src");
}

function sendPhoto() {
  if (!photo) return;
  const { data, url } = photo;
  photo = null;
  drawPhoto();
  tell("tap", { photo: data }, null);
  thumbs.set((queue[queue.length - 1] ?? waiting).sent, url);
  showThumbs();
}

function showThumbs() {
  for (const [sent, url] of thumbs) {
    const section = $(`#past [data-sent="${sent}"]`);
    if (!section || $(".photo-thumb", section)) continue;
    const thumb = Object.assign(document.createElement("img"), { className: "photo-thumb", src: url, alt: "" });
    ($(".tapped", section) ?? section).prepend(thumb);
  }
}

does["photo-choose"] = () => $("#photo-file").click();
does["photo-send"] = () => { sendPhoto(); settle(); };
does["photo-clear"] = () => { photo = null; drawPhoto(); $("[data-do=photo-choose]").focus(); };

function carriesFiles(event) {
  return visit.photos && [...(event.dataTransfer?.types ?? [])].includes("Files");
}

whenOpen.push(() => {
  $("#box-tools").insertAdjacentHTML("beforeend",
    '<button type="button" class="round" data-do="photo-choose" data-label="photo" hidden><svg class="icon" aria-hidden="true"><use href="#icon-photo"/></svg></button>' +
    `<input type="file" id="photo-file" accept="${PHOTO_TYPES.join(",")}" data-label="photo" tabindex="-1" hidden>`);
  $("#box").insertAdjacentHTML("beforebegin",
    '<div id="photo-bar" role="group" data-label="photo_chosen" hidden><img alt=""><span data-word="photo_chosen"></span>' +
    '<button type="button" class="chip strong" data-do="photo-send" data-word="photo_find"></button>' +
    '<button type="button" class="round" data-do="photo-clear" data-label="photo_remove"><svg class="icon" aria-hidden="true"><use href="#icon-close"/></svg></button></div>');
  $("#photo-file").addEventListener("change", ({ target }) => { choosePhoto(target.files[0]); target.value = ""; });
  // A photo that waits goes before the sentence beside it: "in black" is said of what looks like it.
  $("#box").addEventListener("submit", sendPhoto, true);
  box().addEventListener("keydown", (event) => { if (entered(event) && !event.shiftKey) sendPhoto(); }, true);
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
    if (!file || !visit.photos) return;
    event.preventDefault();
    choosePhoto(file);
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    $("#ask").classList.add("dropping");
  });
  for (const end of ["dragleave", "drop", "dragend"]) document.addEventListener(end, () => $("#ask").classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // else the browser would leave the page for the picture
    choosePhoto(event.dataTransfer.files[0]);
  });
  new MutationObserver(showThumbs).observe($("#past"), { childList: true });
  const drawPast = regions.past;
  regions.past = (value) => {
    drawPast(value);
    $("[data-do=photo-choose]").hidden = !value.photos;
    if (!value.photos && photo) does["photo-clear"]();
  };
});

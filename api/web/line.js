// The small picture of the line: those ahead, the visitor, those behind, and the door.
const svg = "http://www.w3.org/2000/svg";
const [from, to, people, middle] = [16, 520, 22, 40];

function add(parent, kind, attributes) {
  const element = document.createElementNS(svg, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

// draw puts the visitor between where they started and the door. What is left counts by its
// logarithm: the last hundred places are as long a way to look at as the ten thousand before.
export function draw(picture, position, first) {
  const left = Math.log(position) / Math.log(Math.max(first, 20));
  const self = to - (to - from) * Math.min(1, Math.max(0, left)) * 0.82 - 24;
  if (!picture.firstChild) {
    add(picture, "path", { class: "light", d: "M552 56V20a20 20 0 0 1 40 0v36z" });
    add(picture, "path", { class: "door", d: "M552 56V20a20 20 0 0 1 40 0v36z" });
    for (let i = 0; i < people; i++) add(picture, "circle", { cx: from + ((to - from) * i) / (people - 1), cy: middle, r: 6 });
    add(picture, "circle", { class: "self", cx: self, cy: middle, r: 11 });
  }
  picture.querySelector(".self").setAttribute("cx", self);
  for (const circle of picture.querySelectorAll("circle:not(.self)")) {
    const apart = circle.cx.baseVal.value - self;
    circle.setAttribute("class", apart > 0 ? "ahead" : "behind");
    circle.setAttribute("visibility", Math.abs(apart) < 22 || (apart > 0 && position === 1) ? "hidden" : "visible");
  }
}

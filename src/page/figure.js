// A figure with its name, for a list of them (`dl.figures`).

function figure(name, value, unit = "", kind = "") {
  const unitText = unit ? [el("small", { text: unit })] : [];
  return el("div", { class: kind }, el("dt", { text: name }), el("dd", { text: value }, ...unitText));
}

// What pictures are like, in words.

const NAMES_LISTED = 6; // of classes

const shapeText = ({ channels, height, width }) => `${width} × ${height}, ${channels === 1 ? "grey" : "colour"}`;

function listed(names) {
  const others = names.length - NAMES_LISTED;
  return names.slice(0, NAMES_LISTED).join(", ") + (others > 0 ? ` and ${count(others)} more` : "");
}

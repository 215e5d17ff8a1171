// How well every visible text can be told from what is behind it: [number of texts, those below 4.5 : 1].
// Run as the body of a function in the page.

const box = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function rgba(colour) {
  box.clearRect(0, 0, 1, 1);
  box.fillStyle = colour;
  box.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = box.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
}

function behind(element) {
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    layers.push(rgba(getComputedStyle(each).backgroundColor));
    if (layers[layers.length - 1][3] === 1) break;
  }
  let under = [255, 255, 255];
  for (const [r, g, b, a] of layers.reverse()) under = [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
  return under;
}

function luminance(colour) {
  const [r, g, b] = colour.slice(0, 3).map((value) => {
    const v = value / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const hidden = "option, noscript, script, .unseen, title, desc, :disabled";
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim();
  const element = walker.currentNode.parentElement;
  if (!text || !element.getClientRects().length || element.closest(hidden)) continue;
  const svg = element.closest("svg");
  const style = getComputedStyle(element);
  const [a, b] = [rgba(svg ? style.fill : style.color), behind(svg ? svg.parentElement : element)].map(luminance);
  found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text.slice(0, 40), element.tagName]);
}
return [found.length, found.filter(([ratio]) => ratio < 4.5)];

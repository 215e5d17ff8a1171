// Elements made without markup, for parts of a page that a script builds.

/** @param {string} tag @param {Record<string, any>} attributes "text" becomes the text; false is left out */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** A range with its label and the value in words. */
export function slider(title, low, high, step) {
  const range = element("input", { type: "range", min: String(low), max: String(high), step: String(step) });
  const output = element("output", {});
  return { range, output, label: element("label", {}, title, range, output) };
}

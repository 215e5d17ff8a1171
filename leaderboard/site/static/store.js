// Data files are scripts, the only files that a page opened from disk may load; each hands its JSON to `put`.

const ADDRESS = /^[a-z0-9-]+(\/[a-z0-9-]+)*$/;
const root = document.documentElement.dataset.root;
const texts = new Map();
const coming = new Map();

globalThis.genmedBoard = Object.freeze({ put: (name, text) => void texts.set(name, text) });

const policy = globalThis.trustedTypes?.createPolicy("genmed-board", { createScriptURL: scriptAddress });

function scriptAddress(name) {
  if (!ADDRESS.test(name)) throw new TypeError("not the name of a data file");
  return `${root}data/${name}.js`;
}

/** @param {string} name @returns {Promise<any>} what the data file of that name says; read once */
export function load(name) {
  if (!coming.has(name)) {
    coming.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = policy ? policy.createScriptURL(name) : scriptAddress(name);
      script.addEventListener("load", () => {
        if (texts.has(name)) resolve(JSON.parse(texts.get(name)));
        else reject(new Error(`data/${name}.js is damaged`));
        texts.delete(name);
        script.remove();
      });
      script.addEventListener("error", () => {
        coming.delete(name);
        reject(new Error(`data/${name}.js could not be read`));
      });
      document.head.append(script);
    }));
  }
  return coming.get(name);
}

/** Choices that are kept in the address after #, so that a page can be sent to somebody. */
export function readHash() {
  return new URLSearchParams(location.hash.slice(1));
}

/** @param {Record<string, string>} choices empty ones are left out */
export function writeHash(choices) {
  const kept = Object.entries(choices).filter(([, value]) => value);
  history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
}

// The worker that computes: requests and their answers, and what happens when its device is lost.
//
//   backend.connect(forced)              starts it, with WebGPU where there is some
//   backend.ask(name, args, onReport)    see worker.js for the requests
//   backend.isConnected()                whether it computes

const crashText = (error) => `The computation has crashed. Please report this as a bug. (${error})`;
// As src/device/panics.rs knows the words.
const isLoss = (text) => /device (?:is |was )?(?:lost|poisoned)|devicelost/i.test(text);
// Requests whose errors are about files, which may have any name.
const OF_FILES = ["clothes", "own", "open"];

// Why this browser can't compute by WebGPU, or null.
async function whyNoWebGpu() {
  if (!isSecureContext) return "browsers offer it to https addresses and localhost only";
  if (!navigator.gpu) return "this browser doesn’t offer it";
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  return adapter ? null : "this browser found no graphics card for it";
}

// `onLoss` is called with the reason when the worker can't compute any more; `connect` starts another one.
function createBackend(onLoss) {
  const pending = new Map(); // id → { name, resolve, reject, onReport }
  let worker = null, asked = 0, isConnected = false;

  // Ends the worker, and everything that waits for it.
  function end(reason) {
    worker?.terminate();
    worker = null;
    for (const { reject } of pending.values()) reject(new Error(reason));
    pending.clear();
  }

  function lose(reason) {
    const wasConnected = isConnected;
    isConnected = false;
    end(reason);
    if (wasConnected) onLoss(reason);
  }

  function receive({ data: { id, value, error, isFatal, report, crash } }) {
    if (crash) {
      lose(crashText(crash));
      return;
    }
    const request = pending.get(id);
    if (!request) return;
    if (report) {
      request.onReport?.(report);
      return;
    }
    pending.delete(id);
    if (error === undefined) request.resolve(value);
    else {
      const reason = isFatal ? crashText(error) : error;
      request.reject(new Error(reason));
      if (isFatal || (isLoss(error) && !OF_FILES.includes(request.name))) lose(reason);
    }
  }

  function ask(name, args = {}, onReport) {
    if (!worker) return Promise.reject(new Error("The page isn’t computing any more: start again, at the top."));
    return new Promise((resolve, reject) => {
      asked += 1;
      pending.set(asked, { name, resolve, reject, onReport });
      worker.postMessage({ id: asked, name, args });
    });
  }

  function start(kind) {
    end("The page starts again.");
    worker = new Worker("worker.js", { type: "module" });
    worker.addEventListener("message", receive);
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      lose(event.message ? crashText(event.message) : "A part of this page couldn’t be loaded. Reload the page to try again.");
    });
    return ask("start", { kind });
  }

  // What computes: { backend, adapter, software, reason }, the last of them why it isn't WebGPU, where that wasn't forced.
  async function connect(forced) {
    if (location.protocol === "file:") throw new Error("This page works from a server only: try python3 -m http.server in its folder.");
    if (typeof WebAssembly === "undefined") throw new Error("This browser can’t run WebAssembly, which this page computes with.");
    let reason = forced ? null : await whyNoWebGpu(), found = null;
    if (forced !== "flex" && !reason) {
      try {
        found = await start("wgpu");
      } catch (error) {
        if (forced) throw error;
        reason = error.message.replace(/\.$/, "");
      }
    }
    found ??= await start("flex");
    isConnected = true;
    return { ...found, reason };
  }

  return { ask, connect, isConnected: () => isConnected };
}

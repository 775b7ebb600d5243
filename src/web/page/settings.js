// The settings of a training, with the defaults of each architecture.

const CUSTOMARY = "linear"; // the architecture that `trainer` trains if none is named

// Returns { offer, read }: `offer` is given the choices of worker.js, `read` returns the settings.
function createSettings() {
  const arch = byId("arch"), loss = byId("loss"), latentDim = byId("latent-dim"), epochs = byId("epochs");
  const refine = byId("refine");
  let choices = null;

  function takeDefaults() {
    const { latent_dim, epochs: most, loss: name, refine: steps } = choices.defaults[arch.value];
    [latentDim.value, epochs.value, loss.value, refine.value] = [latent_dim, most, name, steps];
    byId("arch-words").textContent = choices.architectures.find(({ name: key }) => key === arch.value).words;
  }
  arch.addEventListener("change", takeDefaults);

  return {
    offer(next) {
      if (choices) return; // what was set stays, in a new worker, too
      choices = next;
      const names = choices.architectures.map(({ name }) => name);
      arch.replaceChildren(...names.map((name) => el("option", { value: name, text: name })));
      loss.replaceChildren(...choices.losses.map((name) => el("option", { value: name, text: name })));
      arch.value = names.includes(CUSTOMARY) ? CUSTOMARY : names[0];
      takeDefaults();
    },
    read: () => ({
      arch: arch.value,
      latent_dim: Number(latentDim.value),
      loss: loss.value,
      epochs: Number(epochs.value),
      refine: Number(refine.value),
      seed: 0,
    }),
  };
}

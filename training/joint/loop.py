"""The training loop, on Hugging Face accelerate: the same on one CPU, one GPU, or many processes.

A step takes `batch` rows of the stream for any number of processes. Both losses are divided by the tokens and rows of
the whole step, so the gradient is that of one large batch.
"""

import time
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, gather_object
from torch import Tensor, nn
from tqdm import tqdm

from ..ema import EMA
from ..schedule import cosine
from .batches import Batch, Batcher, row_seed
from .checkpoints import EMA_FILE, TRAINED, checkpoints, load_optimizer, load_tensors_into, read_state, save_checkpoint
from .config import Config, ConfigError, as_json
from .export import export
from .journal import LOG, Journal
from .networks import load_networks, start_folder
from .objective import Objective
from .report import BrokenRows
from .samples import sample_rows, sample_sheet
from .sources import Mixture, refuse_unusable
from .start import make_start
from .steps import Step, Steps

MODEL, CHECKPOINTS, SAMPLES, START = "model", "checkpoints", "samples", "start"


def train(config: Config, out: Path) -> None:
    """Train and export the model folder `out`/model. Resumes from the newest checkpoint in `out`.

    Raises ConfigError or another GoTError for unusable input, before any training.
    """
    if (out / MODEL).exists() and not (out / LOG).exists():
        raise ConfigError(f"{out} has a '{MODEL}' folder that no training run made. Give another --out.")
    accelerator = start_accelerator(config)
    start = _start(config, out, accelerator)
    refuse_unusable(config)
    training = Training(config, out, start, accelerator)
    try:
        training.run()
    finally:
        training.steps.close()
    if accelerator.is_main_process:
        with training.ema.applied():
            export(training.networks, start, out / MODEL, config)
        accelerator.print(f"{out / MODEL} is the trained model. Copy it into models/got.")
    accelerator.end_training()


def start_accelerator(config: Config) -> Accelerator:
    """Processes, devices and precision. A parameter that a step does not use gets no gradient in any process."""
    has_gpu = torch.cuda.is_available()
    has_bf16 = torch.cuda.is_bf16_supported() if has_gpu else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    mixed = config.precision == "bf16" or (config.precision == "auto" and has_bf16)
    parallel = DistributedDataParallelKwargs(find_unused_parameters=True, gradient_as_bucket_view=True)
    return Accelerator(cpu=not has_gpu, mixed_precision="bf16" if mixed else "no", kwargs_handlers=[parallel])


def _start(config: Config, out: Path, accelerator: Accelerator) -> Path:
    """The model folder to start from. The first process makes it of the base folders if it is missing."""
    if config.start:
        return start_folder(config.start)
    folder = out / START
    if accelerator.is_main_process and not folder.is_dir():
        make_start(Path(config.mllm), Path(config.sdxl), folder, config.seed, accelerator.print)
    accelerator.wait_for_everyone()
    return folder


def optimizer_of(parameters: dict[str, nn.Parameter], config: Config) -> torch.optim.AdamW:
    """AdamW with weight decay on matrices and filters, none on norms and biases."""
    groups = [
        {"params": [p for p in parameters.values() if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters.values() if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = config.adam_beta1, config.adam_beta2
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, eps=config.adam_epsilon)


class Training:
    """A run: its networks, its position in the data, its log."""

    def __init__(self, config: Config, out: Path, start: Path, accelerator: Accelerator) -> None:
        self.config, self.out, self.accelerator = config, out, accelerator
        frozen = torch.bfloat16 if accelerator.mixed_precision == "bf16" else torch.float32
        self.networks = load_networks(start, config, frozen)
        self.networks.to(accelerator.device)
        self.networks.reasoner.device = accelerator.device
        self.objective = Objective(self.networks, config).to(accelerator.device)
        self.parameters = self.networks.trained()
        self.optimizer = optimizer_of(self.parameters, config)
        self.ema = EMA(self.parameters, config.ema_decay if accelerator.is_main_process else 0)
        self.mixture, self.broken, self.step = Mixture(config), BrokenRows(), 0
        self._resume()
        self.forward = accelerator.prepare(self.objective)
        batcher = Batcher(self.networks.reasoner, config)
        processes = accelerator.process_index, accelerator.num_processes
        self.steps = Steps(self.mixture, batcher, self.broken, config, *processes)
        self.journal = Journal(out, self.step) if accelerator.is_main_process else None

    def _resume(self) -> None:
        """Load the newest checkpoint, if there is one."""
        found = checkpoints(self.out / CHECKPOINTS)
        if not found:
            return
        state = read_state(found[-1], self.config)
        self.step = state["step"]
        self.mixture.load_state_dict(state["position"])
        load_tensors_into(found[-1], TRAINED, self.parameters)
        self.optimizer.load_state_dict(load_optimizer(found[-1]))
        if self.accelerator.is_main_process:
            self.broken.load_state_dict(state["broken"])
            if self.ema.values:
                load_tensors_into(found[-1], EMA_FILE, self.ema.values)
            self.ema.count = state["step"]
        self.accelerator.print(f"resuming from {found[-1]}")

    def run(self) -> None:
        """All steps that are left, each with the reports, checkpoints and samples that are due after it."""
        config, main = self.config, self.accelerator.is_main_process
        bar = tqdm(total=config.steps, initial=self.step, unit="step", disable=not main, smoothing=0.05)
        rows = sample_rows(config) if main and config.sample and config.samples else []
        while self.step < config.steps:
            started, step = time.perf_counter(), next(self.steps)
            metrics = self.train_step(step.batches)
            self.step += 1
            self.ema.update()
            if main:
                seconds = round(time.perf_counter() - started, 4)
                self.journal.write({"step": self.step, **metrics, "seconds": seconds})
                bar.set_postfix({name: f"{metrics[name]:.4f}" for name in ("loss", "chain", "noise")}, refresh=False)
                bar.update()
            self._outputs(step, rows)
        bar.close()

    def train_step(self, batches: list[Batch]) -> dict[str, float]:
        """One optimizer step over this process's share of it. The losses are those of the whole step."""
        config, accelerator = self.config, self.accelerator
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * cosine(self.step, config.steps, config.warmup_steps)
        counts = [sum(batch.target_tokens for batch in batches), sum(float(b.weights.sum()) for b in batches)]
        tokens, rows = self._summed(counts).clamp(min=1).tolist()
        sums = torch.zeros(2, device=accelerator.device)
        for number, batch in enumerate(batches):
            last = number == len(batches) - 1
            torch.manual_seed(row_seed(config.seed, batch.number))  # for LoRA's dropout, the only other random draw
            with nullcontext() if last else accelerator.no_sync(self.forward):
                errors = self.forward(batch.to(accelerator.device))
                chain, noise = errors["chain"] / tokens, errors["noise"] / rows
                share = config.chain_weight * chain + config.noise_weight * noise
                accelerator.backward(share * accelerator.num_processes)  # gradients are averaged over processes
            sums += torch.stack([chain.detach(), noise.detach()])
        norm = accelerator.clip_grad_norm_(list(self.parameters.values()), config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        chain, noise = self._summed(sums).tolist()
        loss = config.chain_weight * chain + config.noise_weight * noise
        rate = self.optimizer.param_groups[0]["lr"]
        return {"loss": loss, "chain": chain, "noise": noise, "learning_rate": rate, "grad_norm": float(norm)}

    def _summed(self, values: list[float] | Tensor) -> Tensor:
        """Sums over all processes."""
        tensor = torch.as_tensor(values, dtype=torch.float32, device=self.accelerator.device)
        return self.accelerator.reduce(tensor, "sum")

    def _outputs(self, step: Step, rows: list) -> None:
        """Write what is due after this step: the report, a checkpoint, sample images."""
        ends = self.step == self.config.steps
        every = {name: getattr(self.config, name) for name in ("report", "save", "sample")}
        due = {name: ends or (interval and self.step % interval == 0) for name, interval in every.items()}
        if due["report"] or due["save"]:
            broken = BrokenRows.merged(gather_object([step.broken]))
            if self.accelerator.is_main_process and due["report"]:
                self._report(broken)
            if self.accelerator.is_main_process and due["save"]:
                self._save(step, broken)
        if rows and due["sample"]:
            self._sample(rows)
        if due["save"] or due["sample"]:
            self.accelerator.wait_for_everyone()

    def _report(self, broken: BrokenRows) -> None:
        self.journal.draw()
        broken.write(self.out / "rows.json")
        if broken.total or broken.unboxed:
            tqdm.write("\n".join(broken.lines()))

    def _save(self, step: Step, broken: BrokenRows) -> None:
        state = {"step": self.step, "position": step.position, "broken": broken.state_dict()}
        save_checkpoint(
            self.out / CHECKPOINTS,
            {**state, "config": as_json(self.config)},
            self.parameters,
            self.ema.values,
            self.optimizer.state_dict(),
            self.config.keep,
        )

    def _sample(self, rows: list) -> None:
        folder = self.out / SAMPLES
        folder.mkdir(exist_ok=True)
        self.networks.eval()
        with self.ema.applied(), self.accelerator.autocast():
            sample_sheet(self.objective, rows, folder / f"step-{self.step:06}.png")
        self.networks.train()
        self.networks.vae.eval()

"""The noise schedule's time steps, as the released inference code spaces them."""


def leading_timesteps(steps: int, train_steps: int = 1000) -> list[int]:
    """The time steps from noise to image in "leading" spacing, with 1 <= steps <= train_steps.

    t_i = i * (train_steps // steps) + 1. Source: diffusers' schedulers with the SDXL configuration.
    """
    stride = train_steps // steps
    return [min(index * stride + 1, train_steps - 1) for index in reversed(range(steps))]

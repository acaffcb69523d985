"""The seed model in plain PyTorch: Encoder(dim 256, depth 4, heads 4, ALiBi, cross-attention to a context of width 512).

Prints the best and the median time of one call in milliseconds. usage: seed.py seed|train-step BATCH THREADS REPEATS
seed is the forward pass; train-step adds a mean squared error, the backward pass and AdamW.
"""
import sys
import time

import torch
import torch.nn.functional as F

TRAINS, (BATCH, THREADS, REPEATS) = sys.argv[1] == "train-step", (int(a) for a in sys.argv[2:5])
WIDTH, CONTEXT_WIDTH, HEADS, DEPTH, LENGTH, CONTEXT_LENGTH = 256, 512, 4, 4, 64, 128


class Attention(torch.nn.Module):
    def __init__(self, context_width):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.zeros(WIDTH))
        self.to_q = torch.nn.Linear(WIDTH, WIDTH, bias=False)
        self.to_k = torch.nn.Linear(context_width, WIDTH, bias=False)
        self.to_v = torch.nn.Linear(context_width, WIDTH, bias=False)
        self.to_out = torch.nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x, context, bias):
        normed = F.layer_norm(x, (WIDTH,), self.gain + 1)
        source = normed if context is None else context
        q, k, v = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in (self.to_q(normed), self.to_k(source), self.to_v(source)))
        return x + self.to_out(F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2))


class FeedForward(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.zeros(WIDTH))
        self.up, self.down = torch.nn.Linear(WIDTH, 4 * WIDTH), torch.nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return x + self.down(F.gelu(self.up(F.layer_norm(x, (WIDTH,), self.gain + 1))))


class Seed(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.ModuleList([Attention(WIDTH), Attention(CONTEXT_WIDTH), FeedForward()]) for _ in range(DEPTH))
        self.gain = torch.nn.Parameter(torch.zeros(WIDTH))
        position = torch.arange(LENGTH)
        slopes = 2.0 ** (-8.0 / HEADS * torch.arange(1, HEADS + 1))
        self.register_buffer("bias", (-(position[None] - position[:, None]).abs()[None] * slopes[:, None, None])[None])

    def forward(self, x, context):
        for self_attention, cross_attention, feedforward in self.layers:
            x = feedforward(cross_attention(self_attention(x, None, self.bias), context, None))
        return F.layer_norm(x, (WIDTH,), self.gain + 1)


torch.manual_seed(1)
torch.set_num_threads(THREADS)
model, x, context = Seed(), torch.randn(BATCH, LENGTH, WIDTH), torch.randn(BATCH, CONTEXT_LENGTH, CONTEXT_WIDTH)
target, optimizer = torch.randn(BATCH, LENGTH, WIDTH), torch.optim.AdamW(model.parameters(), 1e-4)


def train():
    optimizer.zero_grad(set_to_none=True)
    loss = F.mse_loss(model(x, context), target)
    loss.backward()
    optimizer.step()
    loss.item()


def forward():
    with torch.inference_mode():
        model(x, context)


call, times = train if TRAINS else forward, []
for i in range(REPEATS + 3):
    start = time.perf_counter()
    call()
    if i >= 3:
        times.append((time.perf_counter() - start) * 1e3)
times.sort()
print(f"{times[0]:.4f} {times[len(times) // 2]:.4f}")

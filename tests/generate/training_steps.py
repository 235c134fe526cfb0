"""Trajectories of PyTorch's SGD, Adam and AdamW in double precision on a 3-D Rosenbrock function: the expected numbers
of tests/training/test_optimisers.c. Run with /usr/bin/python3 (python3-torch 1.13): prints a C table."""
import torch

cases = [
    ("sgd", torch.optim.SGD, dict(lr=1e-4)),
    ("momentum", torch.optim.SGD, dict(lr=1e-4, momentum=0.9)),
    ("dampened", torch.optim.SGD, dict(lr=1e-4, momentum=0.9, dampening=0.3)),
    ("nesterov", torch.optim.SGD, dict(lr=1e-4, momentum=0.9, nesterov=True, weight_decay=0.01)),
    ("adam", torch.optim.Adam, dict(lr=0.01)),
    ("adam_decay", torch.optim.Adam, dict(lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)),
    ("adamw", torch.optim.AdamW, dict(lr=0.01, weight_decay=0.1)),
]
print("/* tests/generate/training_steps.py with torch %s: theta after 1, 2, 10 and 50 steps. */" % torch.__version__)
for name, make, options in cases:
    x = torch.tensor([-1.2, 1.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimiser = make([x], **options)
    rows = []
    for step in range(1, 51):
        optimiser.zero_grad()
        loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        loss.backward()
        optimiser.step()
        if step in (1, 2, 10, 50):
            rows.append("{" + ", ".join("%.17g" % v for v in x.detach().tolist()) + "}")
    print("static const double expected_%s[4][3] = {%s};" % (name, ",\n    ".join(rows)))

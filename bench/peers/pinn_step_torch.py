#!/usr/bin/python3
"""The PyTorch side of bench_pinn: pinn_step_torch.py FOLDER THREADS DTYPE.

Loads weights and points that bench_pinn wrote and answers every line WORK with "seconds value": value is the loss, or the
norm of the derivative. Work:
  usual-loss, usual-gradient         u_x and u_t by autograd.grad with create_graph, as PINN codes are written
  tangents-loss, tangents-gradient   value and two tangents in one forward pass, then one backward pass
  usual-hessian, tangents-hessian    Hessian product: double backward through a retained gradient
  mlp-loop, mlp-bmm                  441 small networks one by one, and as batched products
Exits with 3 without torch.
"""
import sys
import time

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(3)

folder, threads, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
dtype = np.float64 if kind == "f64" else np.float32
BETA = 30.0


def load(what):
    return torch.from_numpy(np.fromfile(f"{folder}/{what}", dtype=dtype))


def layers(theta, widths):
    at, parameters = 0, []
    for a, b in zip(widths[:-1], widths[1:]):
        parameters.append(theta[..., at : at + a * b].reshape(*theta.shape[:-1], b, a).clone())
        at += a * b
        parameters.append(theta[..., at : at + b].clone())
        at += b
    return parameters


WIDTHS = (2, 50, 50, 50, 50, 1)
parameters = layers(load("theta"), WIDTHS)
vectors = layers(load("vector"), WIDTHS)
for p in parameters:
    p.requires_grad_(True)
initial, boundary, inside = load("initial").reshape(-1, 3), load("boundary").reshape(-1, 4), load("residual").reshape(-1, 2)
start, target = initial[:, :2].contiguous(), initial[:, 2:].contiguous()
lower, upper = boundary[:, :2].contiguous(), boundary[:, 2:].contiguous()
x, t = (inside[:, i : i + 1].clone().requires_grad_(True) for i in (0, 1))
points = inside.clone()


def network(h):
    for i in range(0, len(parameters), 2):
        h = F.linear(h, parameters[i], parameters[i + 1])
        if i + 2 < len(parameters):
            h = torch.tanh(h)
    return h


def residual_usual(create):
    u = network(torch.cat((x, t), 1))
    ones = torch.ones_like(u)
    u_x = torch.autograd.grad(u, x, ones, create_graph=create, retain_graph=True)[0]
    u_t = torch.autograd.grad(u, t, ones, create_graph=create, retain_graph=create)[0]
    return u_t + BETA * u_x


def residual_tangents(create):
    h = points
    h_x, h_t = torch.tensor([[1.0, 0.0]], dtype=h.dtype), torch.tensor([[0.0, 1.0]], dtype=h.dtype)
    for i in range(0, len(parameters), 2):
        h, h_x, h_t = F.linear(h, parameters[i], parameters[i + 1]), F.linear(h_x, parameters[i]), F.linear(h_t, parameters[i])
        if i + 2 < len(parameters):
            h = torch.tanh(h)
            slope = 1.0 - h * h
            h_x, h_t = slope * h_x, slope * h_t
    return h_t + BETA * h_x


def loss_of(residual, create=True):
    return ((network(start) - target) ** 2).mean() + ((network(lower) - network(upper)) ** 2).mean() + (residual(create) ** 2).mean()


def gradient(residual):
    return torch.autograd.grad(loss_of(residual), parameters, allow_unused=True)


retained = {}


def hessian(residual):
    if residual not in retained:
        retained[residual] = torch.autograd.grad(loss_of(residual), parameters, create_graph=True)
    return torch.autograd.grad(retained[residual], parameters, grad_outputs=vectors, retain_graph=True, allow_unused=True)


def tangents_loss():
    with torch.no_grad():
        return loss_of(residual_tangents)


MLP = (2, 32, 32, 1)


def mlp_data():
    table = load("mlp").reshape(-1, 3)
    return table[:, :2].contiguous(), table[:, 2:].contiguous(), load("mlp_thetas").reshape(441, -1)


def mlp_loop(state={}):
    if not state:
        px, py, thetas = mlp_data()
        state.update(x=px, y=py, nets=[layers(theta, MLP) for theta in thetas])
    with torch.no_grad():
        losses = []
        for net in state["nets"]:
            h = torch.tanh(F.linear(state["x"], net[0], net[1]))
            h = torch.tanh(F.linear(h, net[2], net[3]))
            losses.append(((F.linear(h, net[4], net[5]) - state["y"]) ** 2).mean())
        return torch.stack(losses)


def mlp_bmm(state={}):
    if not state:
        px, py, thetas = mlp_data()
        net = layers(thetas, MLP)
        state.update(x=px.unsqueeze(0).expand(441, -1, -1), y=py.unsqueeze(0), w=[w.transpose(1, 2).contiguous() for w in net[::2]],
                     b=[b.unsqueeze(1) for b in net[1::2]])
    with torch.no_grad():
        w, b = state["w"], state["b"]
        h = torch.tanh_(torch.baddbmm(b[0], state["x"], w[0]))
        h = torch.tanh_(torch.baddbmm(b[1], h, w[1]))
        return ((torch.baddbmm(b[2], h, w[2]) - state["y"]) ** 2).mean((1, 2))


WORK = {
    "usual-loss": lambda: loss_of(residual_usual, False),
    "tangents-loss": tangents_loss,
    "usual-gradient": lambda: gradient(residual_usual),
    "tangents-gradient": lambda: gradient(residual_tangents),
    "usual-hessian": lambda: hessian(residual_usual),
    "tangents-hessian": lambda: hessian(residual_tangents),
    "mlp-loop": mlp_loop,
    "mlp-bmm": mlp_bmm,
}


def norm(result):
    tensors = result if isinstance(result, tuple) else (result,)
    return float(torch.sqrt(sum((v.detach().double() ** 2).sum() for v in tensors if v is not None)))


print("ready", flush=True)
for line in sys.stdin:
    work = WORK[line.strip()]
    begin = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - begin
    print(seconds, norm(result), flush=True)

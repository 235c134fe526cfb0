"""Largest Hessian eigenvalue and trace of the two public physics-informed networks on the points stored in their files, in
double precision over PyTorch's double backward: Lanczos with full re-orthogonalisation for the eigenvalue; the trace is exact on
the Krylov space and Hutchinson's mean (with its standard error) on the rest. Expected numbers of tests/curvature/full_pinn.sh.
Usage: /usr/bin/python3 hessian_pinn.py SHARED > expected_pinn.txt"""
import sys
import types

import torch

torch.set_num_threads(1)


class Stored:
    """Stands for any class of the code that wrote the files: only the attributes are wanted."""

    def __setstate__(self, state):
        self.__dict__.update(state)


for name in ("net_pbc", "choose_optimizer"):
    module = types.ModuleType(name)
    module.__getattr__ = lambda attribute: Stored
    sys.modules[name] = module


def flatten(tensors):
    return torch.cat([t.reshape(-1) for t in tensors])


def analyse(path, beta):
    stored = torch.load(path, map_location="cpu")
    if isinstance(stored, dict):
        stored = types.SimpleNamespace(**stored)
    layers = stored.dnn.__dict__["_modules"]["layers"]
    parameters = [p.detach().double().requires_grad_(True) for p in layers.parameters()]
    point = {k: getattr(stored, k).detach().double() for k in
             ("x_u", "t_u", "u", "x_f", "t_f", "x_bc_lb", "t_bc_lb", "x_bc_ub", "t_bc_ub")}

    def net(x, t):
        h = torch.cat((x, t), 1)
        for i in range(0, len(parameters), 2):
            h = h @ parameters[i].T + parameters[i + 1]
            if i + 2 < len(parameters):
                h = torch.tanh(h)
        return h

    x, t = point["x_f"].requires_grad_(True), point["t_f"].requires_grad_(True)
    u = net(x, t)
    u_x, u_t = torch.autograd.grad(u.sum(), (x, t), create_graph=True)
    loss = ((net(point["x_u"], point["t_u"]) - point["u"]) ** 2).mean()
    loss = loss + ((net(point["x_bc_lb"], point["t_bc_lb"]) - net(point["x_bc_ub"], point["t_bc_ub"])) ** 2).mean()
    loss = loss + ((u_t + beta * u_x) ** 2).mean()
    gradient = flatten(torch.autograd.grad(loss, parameters, create_graph=True))

    def product(v):
        return flatten(torch.autograd.grad(gradient, parameters, v, retain_graph=True))

    torch.manual_seed(0)
    n, steps, probes = gradient.numel(), 60, 400
    basis = torch.zeros(steps + 1, n, dtype=torch.float64)
    v = torch.randn(n, dtype=torch.float64)
    basis[0] = v / v.norm()
    projected = torch.zeros(steps, steps, dtype=torch.float64)
    for j in range(steps):
        w = product(basis[j])
        for _ in range(2):
            c = basis[: j + 1] @ w
            w = w - basis[: j + 1].T @ c
            projected[: j + 1, j] += c
        basis[j + 1] = w / w.norm()
    known = basis[:steps]
    top = torch.linalg.eigvalsh(torch.triu(projected) + torch.triu(projected, 1).T)[-1].item()
    rest = []
    for _ in range(probes):
        z = torch.randint(0, 2, (n,)).double() * 2 - 1
        z = z - known.T @ (known @ z)
        rest.append(z.dot(product(z)).item())
    rest = torch.tensor(rest, dtype=torch.float64)
    return n, loss.item(), top, projected.diagonal().sum().item() + rest.mean().item(), rest.std().item() / probes**0.5


print("# tests/generate/hessian_pinn.py with torch %s: beta, loss, largest eigenvalue, trace, its standard error" % torch.__version__)
for beta in (1, 50):
    n, *numbers = analyse("%s/data/pinn/convection_beta%d.0_seed0.pt" % (sys.argv[1], beta), float(beta))
    print(beta, *("%.9g" % number for number in numbers))

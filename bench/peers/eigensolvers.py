"""Products that ARPACK and LOBPCG (as scipy wraps them) and PyHessian's method (power iteration with deflation)
spend on spectra like those of networks, for the top 10 eigenpairs to a residual of 1e-3 |lambda|. The same spectra
go through losslens in bench/bench_eigensolver.c; docs/decisions/curvature-eigensolver.md has both tables.
Run with /usr/bin/python3 (python3-scipy). A diagonal matrix is enough: the start vectors are random."""
import numpy as np
import scipy.sparse.linalg as sla


def spectra(n=2000):
    rng = np.random.default_rng(0)
    i = np.arange(n)
    bulk = 0.3 * rng.standard_normal(n)
    yield "network", np.where(i < 10, 100 * 0.75 ** np.minimum(i, 60), bulk)
    yield "power law", np.where(i < 200, 50.0 / (1 + i), 0.1 * rng.standard_normal(n))
    yield "pinn", 3000 * np.exp(-0.45 * i)
    yield "clustered", np.where(i < 10, 10 - 0.01 * i, 5.0 * i / n)
    yield "small gaps", 10 * (1 - i / n) ** 3


def count(values, solve):
    spent = [0]

    def product(x):
        spent[0] += 1 if x.ndim == 1 else x.shape[1]
        return values[:, None] * x if x.ndim == 2 else values * x

    n = len(values)
    op = sla.LinearOperator((n, n), matvec=product, matmat=product, dtype=float)
    try:
        found = solve(op, n, values)
    except sla.ArpackNoConvergence:
        return spent[0], np.inf
    wanted = np.sort(values)[::-1][:10]
    return spent[0], float(np.max(np.abs(np.sort(found)[::-1] - wanted) / np.abs(wanted)))


def arpack(op, n, values):
    return sla.eigsh(op, k=10, which="LA", tol=1e-3, ncv=30, v0=np.random.default_rng(1).standard_normal(n))[0]


def lobpcg(op, n, values):
    x = np.random.default_rng(1).standard_normal((n, 10))
    limit = 1e-3 * np.sort(values)[::-1][9]  # scipy stops on absolute residuals: help it with the answer
    return sla.lobpcg(op, x, largest=True, tol=limit, maxiter=400)[0]


def power(op, n, values):
    """Power iteration with deflation, stopped when the estimate changes by less than 1e-3 (relative)."""
    rng = np.random.default_rng(1)
    found, vectors = [], []
    for _ in range(10):
        v = rng.standard_normal(n)
        old = None
        for _ in range(100):
            for u in vectors:
                v -= (u @ v) * u
            v /= np.linalg.norm(v)
            hv = op.matvec(v)
            value = v @ hv
            v = hv
            if old is not None and abs(value - old) / (abs(old) + 1e-6) < 1e-3:
                break
            old = value
        found.append(value)
        vectors.append(v / np.linalg.norm(v))
    return np.array(found)


if __name__ == "__main__":
    print(f"{'spectrum':12s} {'ARPACK':>16s} {'LOBPCG':>16s} {'power+deflation':>18s}   products (largest relative error)")
    for name, values in spectra():
        row = [count(values, f) for f in (arpack, lobpcg, power)]
        print(f"{name:12s} " + " ".join(f"{c:6d} ({e:7.1e})" for c, e in row))

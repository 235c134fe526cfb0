#!/usr/bin/python3
"""Reference values for tests/similarity/test_similarity.c, by numpy and scikit-learn:
   /usr/bin/python3 tests/generate/similarity_oracle.py > tests/similarity/oracle.h
Features are sin/cos formulas, so that both sides make the same numbers without a file."""
import numpy as np
import sklearn
from sklearn.manifold import MDS, TSNE
from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score, jaccard_score

m = 24
def features(d, a):
    i, j = np.meshgrid(np.arange(m), np.arange(d), indexing="ij")
    return np.sin(0.7 * i * (j + 1) + a) + 0.2 * np.cos(1.3 * i + j * a) + 5.0

def biased(f, g):
    f = f - f.mean(0); g = g - g.mean(0)
    h = lambda x, y: np.linalg.norm(y.T @ x) ** 2
    return h(f, g) / np.sqrt(h(f, f) * h(g, g))

def hsic1(k, l):
    """Song et al. 2012, eq. 5, written out."""
    k = k.astype(np.longdouble); l = l.astype(np.longdouble)  # the mean of 5 costs digits
    n = len(k); k = k - np.diag(np.diag(k)); l = l - np.diag(np.diag(l)); one = np.ones(n)
    return (np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2)) - np.longdouble(2) / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))

def debiased(f, g, parts=1):
    s = [0, 0, 0]
    for x, y in zip(np.array_split(f, parts), np.array_split(g, parts)):
        x, y = x.astype(np.longdouble), y.astype(np.longdouble); k, l = x @ x.T, y @ y.T
        s[0] += hsic1(k, l); s[1] += hsic1(k, k); s[2] += hsic1(l, l)
    return s[0] / np.sqrt(s[1] * s[2])

f, g = features(10, 0.3), features(37, 1.1)
print("/* Written by tests/generate/similarity_oracle.py (numpy %s, scikit-learn %s). */" % (np.__version__, sklearn.__version__))
out = lambda name, value: print("static const double %s = %.17g;" % (name, value))
out("ORACLE_CKA_BIASED", biased(f, g))
out("ORACLE_CKA_DEBIASED", debiased(f, g))
out("ORACLE_CKA_MINIBATCH", debiased(f, g, 3))
n = 30
p = np.array([[np.sin(1.1 * i * (j + 1)) + (i % 3) * 2.0 * (j == 0) for j in range(6)] for i in range(n)])
d = np.sqrt(((p[:, None] - p[None]) ** 2).sum(-1))
best = min((MDS(n_init=20, max_iter=3000, eps=1e-9, dissimilarity="precomputed", random_state=s).fit(d) for s in range(3)), key=lambda r: r.stress_)
out("ORACLE_MDS_STRESS", np.sqrt(best.stress_ / (d[np.triu_indices(n, 1)] ** 2).sum()))
t = TSNE(perplexity=29 / 3, method="exact", metric="precomputed", init="random", n_iter=2000, random_state=0).fit(d)
out("ORACLE_TSNE_KL", t.kl_divergence_)
classes, samples = 7, 200
logits = np.array([[np.sin(0.37 * i * (c + 2) + c) for c in range(classes)] for i in range(samples)])
labels = np.array([(i * i + i // 3) % classes for i in range(samples)])
labels = np.where(np.arange(samples) % 3 == 0, logits.argmax(1), labels)
predicted = logits.argmax(1)
out("ORACLE_TOP1", (predicted == labels).mean())
out("ORACLE_TOP5", top_k_accuracy_score(labels, logits, k=5))
for average in ("macro", "micro"):
    r = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
    for name, value in zip(("PRECISION", "RECALL", "F1"), r): out("ORACLE_%s_%s" % (average.upper(), name), value)
out("ORACLE_MEAN_IOU", jaccard_score(labels, predicted, average="macro"))

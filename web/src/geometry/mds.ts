/** Classical multidimensional scaling (Torgerson 1952): points in the plane whose distances are nearest, in the strain
 * sense, to the given ones. Distances that are not finite make a point undefined (NaN). Signs are fixed (the entry of
 * largest magnitude is positive), so the picture is the same each time. */
export function classicalScaling(matrix: ArrayLike<number>, count: number): Float64Array {
  const kept: number[] = [];
  for (let i = 0; i < count; i++) {
    let finite = true;
    for (let j = 0; j < count; j++) if (!Number.isFinite(matrix[i * count + j]!)) finite = false;
    if (finite) kept.push(i);
  }
  const n = kept.length;
  const result = new Float64Array(2 * count).fill(NaN);
  if (n === 0) return result;
  const b = new Float64Array(n * n);
  const mean = new Float64Array(n);
  let all = 0;
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      const d = matrix[kept[i]! * count + kept[j]!]!;
      b[i * n + j] = d * d;
      mean[i]! += (d * d) / n;
      all += (d * d) / n / n;
    }
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) b[i * n + j] = -0.5 * (b[i * n + j]! - mean[i]! - mean[j]! + all);
  // Two largest eigenpairs by subspace iteration on b + shift (so that large negative ones do not win).
  let shift = 0;
  for (let i = 0; i < n; i++) {
    let row = 0;
    for (let j = 0; j < n; j++) row += Math.abs(b[i * n + j]!);
    shift = Math.max(shift, row);
  }
  const axes: Float64Array[] = [];
  for (let axis = 0; axis < Math.min(2, n); axis++) {
    let v = Float64Array.from({ length: n }, (_, i) => Math.cos(1.7 * i + axis) + 0.01 * (i + 1));
    let value = 0;
    for (let step = 0; step < 3000; step++) {
      for (const other of axes) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += v[i]! * other[i]!;
        for (let i = 0; i < n; i++) v[i]! -= dot * other[i]!;
      }
      const next = new Float64Array(n);
      for (let i = 0; i < n; i++) {
        let sum = shift * v[i]!;
        for (let j = 0; j < n; j++) sum += b[i * n + j]! * v[j]!;
        next[i] = sum;
      }
      for (const other of axes) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += next[i]! * other[i]!;
        for (let i = 0; i < n; i++) next[i]! -= dot * other[i]!;
      }
      const norm = Math.hypot(...next);
      if (!(norm > 0)) break;
      let change = 0;
      for (let i = 0; i < n; i++) {
        next[i]! /= norm;
        change = Math.max(change, Math.abs(next[i]! - v[i]!));
      }
      v = next;
      value = norm - shift;
      if (change < 1e-12) break;
    }
    let largest = 0;
    for (let i = 0; i < n; i++) if (Math.abs(v[i]!) > Math.abs(v[largest]!) + 1e-9) largest = i;
    const sign = v[largest]! < 0 ? -1 : 1;
    axes.push(v);
    const length = Math.sqrt(Math.max(0, value));
    for (let i = 0; i < n; i++) result[2 * kept[i]! + axis] = sign * length * v[i]!;
  }
  if (n === 1) {
    result[2 * kept[0]!] = 0;
    result[2 * kept[0]! + 1] = 0;
  }
  return result;
}

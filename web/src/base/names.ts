/** What tells names apart: the beginning that all share is left out, up to a space, comma or bracket. Names that would be
 *  left empty, and single ones, stay whole. */
export function tellingNames(names: readonly string[]): string[] {
  if (names.length < 2) return [...names];
  const first = names[0] ?? "";
  let shared = 0;
  while (shared < first.length && names.every((name) => name[shared] === first[shared])) shared++;
  while (shared > 0 && !/[\s,(/:]/.test(first[shared - 1] ?? "")) shared--;
  const rest = names.map((name) => name.slice(shared));
  if (rest.some((name) => name.trim() === "")) return [...names];
  // "(beta=1)" without what it belongs to keeps no half of its brackets.
  return rest.map((name) => (name.endsWith(")") && !name.includes("(") ? name.slice(0, -1) : name));
}

// Files made in the page. Names come from studies, so they are reduced to what every file system takes.

export function fileName(...parts: readonly string[]): string {
  return (
    parts
      .filter((part) => part !== "")
      .join("-")
      .replace(/[^A-Za-z0-9._-]+/g, "_")
      .slice(0, 120) || "losslens"
  );
}

export function download(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function downloadText(name: string, text: string, type = "text/plain"): void {
  download(name, new Blob([text], { type: `${type};charset=utf-8` }));
}

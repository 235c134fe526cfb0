// Playback of the optimiser's path, shared by all views.
import { useEffect, useState } from "react";
import { setLocal, useView, view } from "../../state";
import { Toggle } from "../../widgets/controls";

/** How many of `count` checkpoints are shown at a playback position; always at least the first. */
export function shownSteps(count: number, playback: number): number {
  return Math.max(1, Math.min(count, 1 + Math.round(playback * (count - 1))));
}

export function PlaybackControls({ count }: { count: number }) {
  const { trajectory, playback } = useView(({ local }) => ({ trajectory: local.trajectory, playback: local.playback }));
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    let last = performance.now();
    const duration = Math.min(8000, 300 * count);
    const step = (now: number): void => {
      const next = Math.min(1, view.get().local.playback + (now - last) / duration);
      last = now;
      setLocal({ playback: next });
      if (next >= 1) setPlaying(false);
      else frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
    return () => cancelAnimationFrame(frame);
  }, [playing, count]);
  return (
    <span className="playback">
      <Toggle label="Path" checked={trajectory} onChange={(on) => setLocal({ trajectory: on })} />
      {trajectory && (
        <>
          <button
            type="button"
            className="button quiet"
            aria-label={playing ? "Pause the path" : "Play the path"}
            onClick={() => {
              if (!playing && playback >= 1) setLocal({ playback: 0 });
              setPlaying(!playing);
            }}
          >
            {playing ? "❚❚" : "▶"}
          </button>
          <input
            type="range"
            min={0}
            max={count - 1}
            step={1}
            value={shownSteps(count, playback) - 1}
            aria-label="Checkpoint shown"
            aria-valuetext={`checkpoint ${shownSteps(count, playback)} of ${count}`}
            onChange={(event) => setLocal({ playback: Number(event.target.value) / Math.max(1, count - 1) })}
          />
          <output className="count">
            {shownSteps(count, playback)}/{count}
          </output>
        </>
      )}
    </span>
  );
}

// A view that fails says so in its own place; the others stay.
import { Component, type ReactNode } from "react";
import { Failure, Panel } from "../../widgets/Panel";

export class Boundary extends Component<{ title: string; children: ReactNode }, { message: string | null }> {
  override state: { message: string | null } = { message: null };
  static getDerivedStateFromError(cause: unknown): { message: string } {
    return { message: cause instanceof Error ? cause.message : String(cause) };
  }
  override render(): ReactNode {
    if (this.state.message === null) return this.props.children;
    return <Panel title={this.props.title} label={this.props.title} className="local-panel"><Failure message={this.state.message} /></Panel>;
  }
}

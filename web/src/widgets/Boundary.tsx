// What goes wrong in one view stays in it: the others go on, and the message is said.
import { Component, type ReactNode } from "react";
import { Failure } from "./Panel";

interface Props {
  name: string; // a new name tries again
  children: ReactNode;
}

export class Boundary extends Component<Props, { failed: string | null; name: string }> {
  override state = { failed: null, name: this.props.name };

  static getDerivedStateFromError(cause: unknown): { failed: string } {
    return { failed: cause instanceof Error ? cause.message : String(cause) };
  }
  static getDerivedStateFromProps(props: Props, state: { name: string }): { failed: null; name: string } | null {
    return props.name === state.name ? null : { failed: null, name: props.name };
  }
  override render(): ReactNode {
    return this.state.failed === null ? (
      this.props.children
    ) : (
      <Failure
        message={`An error in this page: ${this.state.failed} The other views are not touched; another selection or page tries again.`}
      />
    );
  }
}

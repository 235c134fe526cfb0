// "What is this?" of each local view: definition, how to read it, what is commonly misread.
import type { LocalKind } from "../state";

export interface Help {
  readonly what: string;
  readonly read: string;
  readonly misread: string;
}

export const HELP: Readonly<Record<LocalKind, Help>> = {
  contour: {
    what: "The loss on a plane through the model's parameters: L(θ + α₀ d₀ + α₁ d₁) for two directions d₀ and d₁. The model itself is at the origin. Bands and lines join points of equal loss; between grid points the loss is taken to be linear along cell sides.",
    read: "Round, widely spaced lines mean a flat, regular surrounding; dense lines a steep one. Rings inside rings are separate minima. Hatched cells have no finite loss; dotted ones are above the clip level. A path shows checkpoints projected onto the plane, fainter where they are farther from it.",
    misread:
      "It is a slice of a space with very many dimensions: a minimum here need not be a minimum of the network, and flatness here depends on how the directions were normalised. Compare pictures only with the same normalisation, range and scale (lock them).",
  },
  surface: {
    what: "The same plane as the contour view, with the loss as height. Height and colour use the same scale of values; the contour lines lie on the surface.",
    read: "Drag to turn, wheel to come closer, arrow keys and + − with the keyboard. Clip cuts off what is above a value without changing the data. Dots mark minima, crosses saddles, triangles maxima.",
    misread:
      "Perspective and height scale make slopes look steeper or flatter than they are. With a logarithmic scale a deep funnel may be a difference of very little loss: read the axis, not the shape.",
  },
  diagram: {
    what: "Each minimum of the field as a point: birth is its loss, death the loss of the saddle where it meets a lower minimum (elder rule). Neighbours are those that the connectivity names; ties are broken by position, so plateaus make no features.",
    read: "The farther from the diagonal, the more persistent the minimum. The square is the essential pair: the lowest minimum, which meets nothing lower; it is drawn up to the highest value. Hollow points are not resolved: two halves of the data differ by more than the pair's persistence. Points below the persistence threshold are not shown.",
    misread:
      "Points near the diagonal are mostly noise of the sampling, many of them do not make a landscape rough. On a logarithmic scale the distance to the diagonal is a ratio, not a difference.",
  },
  barcode: {
    what: "The same pairs as the diagram: one bar each, from birth to death, the most persistent first.",
    read: "Long bars are separate basins that take a high saddle to leave. The bar with an arrow is the essential one. Hollow bars are not resolved by the data.",
    misread:
      "The vertical order carries no position in the landscape: neighbouring bars need not be neighbouring basins.",
  },
  tree: {
    what: "How the sublevel sets join as the level rises: a leaf is a minimum, a joint a saddle where two basins meet, the root the highest point. Heights are true to the values.",
    read: "A vertical segment is a branch from its minimum to the saddle where it ends; it hangs on the branch that it joins. Short twigs vanish as the persistence threshold rises. One long trunk with short twigs means one dominant basin.",
    misread:
      "Left and right mean nothing, nor do horizontal distances: the layout only avoids crossings. Saddles that close a loop without joining basins are not in a merge tree.",
  },
  profile: {
    what: "The topological landscape profile: the merge tree drawn with width. At each level a polygon is as wide as the component of the sublevel set has grid points, so every basin keeps its size and depth, whatever the dimension of the field.",
    read: "Wide funnels are large basins, narrow spikes small ones; a funnel's bottom is its minimum, its top the saddle. Total width is the number of finite grid points. After simplification, cut basins are filled up to their saddle.",
    misread:
      "Horizontal position is not a direction in parameter space. Width counts grid points, so it depends on the range that was sampled; compare only the same range and grid.",
  },
  curves: {
    what: "Training recorded with the model: loss (mean over an epoch's steps) and, where they were evaluated, losses and metrics on other data, against the epoch.",
    read: "Several models are overlaid in their groups' colours; dashed lines are other data than the training data. The scale is logarithmic when the values span more than three decades.",
    misread:
      "A low training loss alone says little: for PINNs a failed network's training loss can be as low as a good one's. Epochs of different recipes are not the same amount of work.",
  },
  density: {
    what: "The density of the Hessian's eigenvalues, by stochastic Lanczos quadrature, smoothed with a Gaussian of the stated width. The band is the standard error over probes.",
    read: "The bulk near zero are the flat directions; separate bumps to the right the few steep ones. Mass left of zero is negative curvature: its share is given with its error. The vertical axis is logarithmic, so that single eigenvalues among many thousands are visible.",
    misread:
      "The width of a bump is the smoothing, not a spread of eigenvalues. Where the density falls below one eigenvalue's weight it is noise.",
  },
  eigenvalues: {
    what: "The leading eigenvalues of the Hessian of the loss over stated data, batch norm kept as in the checkpoint. The inner whisker is the numerical error |Hv − λv|, the outer one the sampling error over disjoint subsets of the data.",
    read: "Bars in descending order; negative ones point down. A large first eigenvalue means a sharp direction. Outer whiskers that overlap mean the order may be due to the data drawn.",
    misread:
      "Eigenvalues change when weights are rescaled (as batch norm allows), without any change of the function: compare within one architecture and normalisation.",
  },
  layers: {
    what: "The trace of the Hessian's diagonal block of each parameter tensor (Hutchinson's estimator), with its standard error over probes.",
    read: "Long bars are the tensors to whose parameters the loss is most sensitive in sum. The text gives the total.",
    misread:
      "A block's trace grows with the number of its parameters; the blocks' traces do not say how layers interact.",
  },
  cka: {
    what: "Linear centred kernel alignment between the features of each layer of one model (rows) and of another (columns), on the same inputs. The variant (biased, debiased) is named.",
    read: "1 is the same representation up to rotation and scale. A bright diagonal means that layers at the same depth do the same. Hatched cells are undefined (no variance). The tooltip gives the value that random features of the same shapes would have.",
    misread:
      "Biased CKA is far above 0 even for random features when there are few samples: read values beside their baseline.",
  },
  confusion: {
    what: "Rows are true classes, columns predicted ones; each row is divided by its number of samples. For two models the disparity shows how often only one of them is right, by class.",
    read: "A bright diagonal is good. Hover for counts. In the disparity plot, bars to the left are samples that only the first model gets right, to the right only the second.",
    misread:
      "Two models with the same accuracy can disagree on many samples; a class with few samples has a noisy row.",
  },
  connectivity: {
    what: "The loss along a trained path (Bézier or polygon) between two minima, and along the straight line. mc = ½(f(0)+f(1)) − f(t*), with t* where the path is farthest from the mean of its ends.",
    read: "A path that stays as low as its ends means that the minima are connected. A hump is a barrier (mc < 0); a dip below both ends (mc > 0) means that the ends were not trained to the bottom.",
    misread:
      "A path that was not trained to a stop only bounds the barrier from above; it is marked 'not converged' and is never evidence of poor connectivity.",
  },
  solution: {
    what: "The network's solution of its differential equation, the exact (or reference) solution of the same problem, and their difference, on the reference grid.",
    read: "Solution and exact share one colour scale; the error has its own diverging scale around zero. The relative error is |u − u*|₂ / |u*|₂.",
    misread:
      "A smooth, plausible picture can be the wrong solution (the zero solution is a common failure): read the error.",
  },
  volume: {
    what: "A three-dimensional field, or a block of a higher-dimensional one: surfaces of equal value (marching tetrahedra) and a movable slice.",
    read: "Move the level to see basins appear, join and fill the block. The slice shows values in the contour's colours.",
    misread:
      "Surfaces hide what is behind them, and the number of pieces depends on the level: the merge tree and the profile show all levels at once.",
  },
  difference: {
    what: "The difference A − B of two fields at the same coordinates, point by point, with a diverging map around zero.",
    read: "Red: A is higher, blue: B is higher, pale: about equal. Coordinates must be the same numbers; the directions themselves belong to each model.",
    misread:
      "Equal coordinates do not mean the same point in parameter space unless both landscapes share their directions and origin.",
  },
};

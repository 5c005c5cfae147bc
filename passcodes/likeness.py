"""How alike two pictures of a face are once one is laid over the other as a plane can be laid.

Two views of a print differ by a projective transformation and nothing else, however it is held; two views of a head
that turned do not, since the nose moves before the cheeks. Five points of a face cannot tell the two apart (four of
them lie on a line), so the pixels are compared: inverse compositional alignment (Baker and Matthews, "Lucas-Kanade
20 Years On", 2004) with eight parameters, in numpy, about 10 ms.
"""

import numpy as np
from PIL import Image, ImageFilter

SIDE = 40  # samples a side
STEPS = 40
SETTLED = 5e-4  # of half the face: no step that could still matter
SMOOTHING, FEATURES = 1 / 20, 1 / 5  # of the distance of the eyes
_AXIS = np.linspace(-1, 1, SIDE)
_X, _Y = (grid.ravel() for grid in np.meshgrid(_AXIS, _AXIS))
_GRID = np.stack([_X, _Y, np.ones_like(_X)])


def likeness(first: Image.Image, first_points: np.ndarray, second: Image.Image, second_points: np.ndarray) -> float:
    """Correlation (1 = alike) of the middle of two faces, the second aligned to the first as well as a plane can be.

    The points are those of `faces.Face`.
    """
    template = _level(_sample(_grey(first, first_points), _square(first_points)))
    picture = _grey(second, second_points)
    starts = (_affine(first_points, second_points) @ _square(first_points), _square(second_points))
    return max(_align(template, picture, start) for start in starts)


def _align(template: np.ndarray, picture: np.ndarray, transformation: np.ndarray) -> float:
    """The best correlation on the way from one start."""
    jacobian = _jacobian(template)
    solve = np.linalg.solve(jacobian.T @ jacobian + 1e-3 * np.eye(8), jacobian.T)
    best = -1.0
    for _ in range(STEPS):
        sampled = _level(_sample(picture, transformation))
        best = max(best, float((sampled * template).mean()))
        change = solve @ (sampled - template)
        if np.abs(change).max() < SETTLED:
            break
        a, b, c, d, e, f, g, h = change
        step = np.array([[1 + a, b, c], [d, 1 + e, f], [g, h, 1]])
        if abs(np.linalg.det(step)) < 1e-3:
            break
        transformation = transformation @ np.linalg.inv(step)
        if not np.isfinite(transformation).all() or abs(transformation[2, 2]) < 1e-6:
            break
        transformation = transformation / transformation[2, 2]
    return best


def _jacobian(template: np.ndarray) -> np.ndarray:
    """How each sample of the template changes with each parameter of a projective transformation."""
    down, right = (gradient.ravel() for gradient in np.gradient(template.reshape(SIDE, SIDE), _AXIS, _AXIS))
    along = right * _X + down * _Y
    columns = (right * _X, right * _Y, right, down * _X, down * _Y, down, -along * _X, -along * _Y)
    return np.stack(columns, axis=1)


def _grey(picture: Image.Image, points: np.ndarray) -> np.ndarray:
    """Only what is as large as a feature: without noise, and without the light that changes over a print held askew."""
    distance = float(np.linalg.norm(points[:2].mean(0) - points[2:4].mean(0)))
    grey = picture.convert("L")
    fine, coarse = (
        np.asarray(grey.filter(ImageFilter.GaussianBlur(distance * share)), float) for share in (SMOOTHING, FEATURES)
    )
    return fine - coarse


def _square(points: np.ndarray) -> np.ndarray:
    """From the square of samples to the middle of the face: eyes to mouth, as wide as the eyes."""
    right, left = points[:2].mean(0), points[2:4].mean(0)
    across = right - left
    down = np.array([-across[1], across[0]])
    middle = (right + left) / 2 + 0.45 * down
    return np.vstack([np.stack([0.95 * across, 0.9 * down, middle], axis=1), [0, 0, 1]])


def _affine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The affine transformation that takes the first points nearest to the second."""
    columns = np.column_stack([first, np.ones(len(first))])
    return np.vstack([np.linalg.lstsq(columns, second, rcond=None)[0].T, [0, 0, 1]])


def _sample(picture: np.ndarray, transformation: np.ndarray) -> np.ndarray:
    """The picture at the grid's places, bilinear; outside it, its edge."""
    x, y, w = transformation @ _GRID
    w = np.where(np.abs(w) < 1e-6, 1e-6, w)
    x = np.clip(x / w, 0, picture.shape[1] - 1.001)
    y = np.clip(y / w, 0, picture.shape[0] - 1.001)
    i, j = x.astype(int), y.astype(int)
    right, down = x - i, y - j
    above = picture[j, i] * (1 - right) + picture[j, i + 1] * right
    below = picture[j + 1, i] * (1 - right) + picture[j + 1, i + 1] * right
    return above * (1 - down) + below * down


def _level(samples: np.ndarray) -> np.ndarray:
    """Without brightness and contrast."""
    samples = samples - samples.mean()
    return samples / (samples.std() + 1e-9)

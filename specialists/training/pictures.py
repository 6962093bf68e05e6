"""Pictures that are not medical: generated pages, charts, windows and textures, and photographs.

The photographs are those that scikit-image, scikit-learn and Matplotlib ship. Every function
draws from the generator that is passed in.
"""

import io
import string
from collections.abc import Callable, Iterator
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Picture = NDArray[np.uint8]
Rng = np.random.Generator

PHOTOGRAPHS = {
    "skimage.data": (
        "astronaut.png brick.png camera.png chelsea.png clock_motion.png coffee.png coins.png "
        "color.png grass.png gravel.png horse.png hubble_deep_field.jpg logo.png moon.png "
        "motorcycle_left.png page.png rocket.jpg text.png chessboard_GRAY.png"
    ),
    "sklearn.datasets.images": "china.jpg flower.jpg",
    "matplotlib": "mpl-data/sample_data/grace_hopper.jpg mpl-data/sample_data/logo2.png",
}


def colour(rng: Rng, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    """Return a random sRGB colour, mostly a muted one."""
    values = rng.integers(low, high, 3)
    grey = values.mean() + (values - values.mean()) * rng.beta(0.7, 1.2)
    red, green, blue = grey.astype(int).tolist()
    return red, green, blue


def words(rng: Rng, count: int) -> str:
    """Return words of random letters."""
    letters = list(string.ascii_lowercase)
    return " ".join("".join(rng.choice(letters, rng.integers(2, 10))) for _ in range(count))


def document(rng: Rng) -> Picture:
    """Draw a page of text, perhaps with a heading, a table or a stamp."""
    paper, ink = colour(rng, 215, 256), colour(rng, 0, 90)
    if rng.random() < 0.15:
        paper, ink = ink, paper
    image = Image.new("RGB", (int(rng.integers(260, 420)), int(rng.integers(260, 480))), paper)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(float(rng.integers(8, 20)))
    margin, step = int(rng.integers(8, 50)), int(rng.integers(12, 30))
    for y in range(margin, image.height - margin, step):
        if rng.random() < 0.85:
            draw.text((margin, y), words(rng, int(rng.integers(2, 12))), ink, font)
        if rng.random() < 0.06:
            draw.line((margin, y, image.width - margin, y), ink, 1)
    if rng.random() < 0.3:
        x, y = rng.integers(20, 200, 2).tolist()
        draw.rectangle((x, y, x + 80, y + 50), colour(rng), ink)
    return np.asarray(image.rotate(float(rng.normal(0, 2)), fillcolor=paper))


def window(rng: Rng) -> Picture:
    """Draw something like a program's window: bars, panels, buttons, labels."""
    back = colour(rng)
    image = Image.new("RGB", (int(rng.integers(240, 480)), int(rng.integers(200, 400))), back)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, image.width, int(rng.integers(12, 50))), colour(rng))
    draw.rectangle((0, 0, int(rng.integers(0, 120)), image.height), colour(rng))
    for _ in range(int(rng.integers(4, 25))):
        x, y = int(rng.integers(0, image.width)), int(rng.integers(0, image.height))
        w, h = int(rng.integers(15, 160)), int(rng.integers(8, 90))
        draw.rounded_rectangle((x, y, x + w, y + h), 4, colour(rng))
        draw.text((x + 4, y + 2), words(rng, 3), colour(rng), ImageFont.load_default(11.0))
    return np.asarray(image)


def leaves(rng: Rng) -> Picture:
    """Draw overlapping ellipses and polygons of all sizes, as the edges in photographs fall."""
    image = Image.new("RGB", (192, 192), colour(rng))
    draw, base = ImageDraw.Draw(image), colour(rng)
    spread = float(rng.uniform(10, 110))
    for _ in range(int(rng.integers(10, 300))):
        radius = 4 / float(rng.uniform(0.04, 1.0))
        x, y = rng.uniform(0, 192, 2).tolist()
        r, g, b = np.clip(rng.normal(base, spread), 0, 255).astype(int).tolist()
        corners = rng.normal((x, y), radius, (int(rng.integers(3, 7)), 2))
        if rng.random() < 0.5:
            box = (x - radius, y - radius * rng.uniform(0.3, 1), x + radius, y + radius)
            draw.ellipse(box, (r, g, b))
        else:
            draw.polygon([(float(px), float(py)) for px, py in corners], (r, g, b))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 2)))))


def clouds(rng: Rng) -> Picture:
    """Draw coloured noise whose power falls with frequency: even, cloudy or white."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128))) + 1 / 128
    power = float(rng.uniform(0, 2.5))
    channels = rng.normal(size=(3, 128, 128))
    channels = np.fft.ifft2(np.fft.fft2(channels) / frequency**power).real
    mix = np.eye(3) * rng.uniform(0, 1) + rng.uniform(-1, 1, (3, 1))
    mixed = np.einsum("ij,jyx->yxi", mix, channels)
    mixed = mixed / (mixed.std() + 1e-9) * rng.uniform(5, 70) + colour(rng, 20, 236)
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def gradient(rng: Rng) -> Picture:
    """Draw an even or sloping field of colour, perhaps with one shape on it."""
    y, x = np.mgrid[0:128, 0:128] / 128
    slope = (np.cos(angle := rng.uniform(0, 6.3)) * x + np.sin(angle) * y)[..., None]
    field = np.array(colour(rng)) + slope * (np.array(colour(rng)) - 128) * (rng.random() < 0.8)
    image = Image.fromarray(np.clip(field, 0, 255).astype(np.uint8))
    if rng.random() < 0.5:
        left, top, right, bottom = np.sort(rng.integers(0, 128, (2, 2)), axis=0).ravel().tolist()
        ImageDraw.Draw(image).rectangle((left, top, right, bottom), colour(rng))
    return np.asarray(image)


def chart(rng: Rng) -> Picture:
    """Plot random lines, bars, points or a field with Matplotlib."""
    from matplotlib.figure import Figure

    red, green, blue = rng.uniform(0.7, 1, 3).tolist()
    tall = float(rng.uniform(2, 4))
    figure = Figure(figsize=(3, tall), dpi=80, facecolor=(red, green, blue))
    axes = figure.add_subplot()
    kind, size = int(rng.integers(0, 4)), int(rng.integers(4, 40))
    if kind == 0:
        axes.plot(np.cumsum(rng.normal(size=(size, int(rng.integers(1, 5)))), axis=0))
    elif kind == 1:
        axes.bar(np.arange(size), rng.uniform(0, 1, size), color=rng.uniform(0, 1, 3))
    elif kind == 2:
        x, y, shade = rng.normal(size=(3, size * 4))
        axes.scatter(x, y, c=shade)
    else:
        axes.imshow(rng.normal(size=(size, size)))
    axes.set_title(words(rng, 3))
    stored = io.BytesIO()
    figure.savefig(stored, format="png")
    return np.asarray(Image.open(stored).convert("RGB"))


GENERATED: dict[str, Callable[[Rng], Picture]] = {
    "document": document,
    "window": window,
    "leaves": leaves,
    "clouds": clouds,
    "gradient": gradient,
    "chart": chart,
}


def generate(each: int, seed: int) -> Iterator[tuple[Picture, str, str]]:
    """Yield `each` pictures of every kind as picture, source and group."""
    for kind, draw in GENERATED.items():
        rng = np.random.default_rng([seed, len(kind), ord(kind[0])])
        for number in range(each):
            yield draw(rng), kind, f"{kind} {number}"


def crop(image: Image.Image, rng: Rng) -> Picture:
    """Cut a random part, at least 45% of each side."""
    width, height = (int(side * rng.uniform(0.45, 1)) for side in image.size)
    x, y = (
        int(rng.integers(0, 1 + whole - part))
        for whole, part in zip(image.size, (width, height), strict=True)
    )
    return np.asarray(image.crop((x, y, x + width, y + height)))


def photographs(each: int, seed: int) -> Iterator[tuple[Picture, str, str]]:
    """Yield `each` random crops of every shipped photograph as picture, source and group."""
    rng = np.random.default_rng(seed)
    for package, names in PHOTOGRAPHS.items():
        for name in names.split():
            content = files(package).joinpath(name).read_bytes()
            image = Image.open(io.BytesIO(content)).convert("RGB")
            for _ in range(each):
                yield crop(image, rng), "photograph", f"photograph {name}"

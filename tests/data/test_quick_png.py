"""The quick PNG holds the pixels it was given."""

from io import BytesIO

import numpy as np
from PIL import Image

from palate.data.quick_png import quick_png
from palate.images import open_picture
from palate.seeds import uniform


def test_what_goes_in_comes_out():
    for height, width in ((1, 1), (7, 3), (128, 128)):
        noise = uniform(height, np.arange(height * width * 3)) * 256
        pixels = noise.astype(np.uint8).reshape(height, width, 3)
        png = quick_png(pixels)
        image = Image.open(BytesIO(png))
        image.verify()  # the checksums, too
        np.testing.assert_array_equal(open_picture(png), pixels)
        assert quick_png(pixels.copy(order="F")) == png

"""Batches: augmented by position for training, whatever epoch training begins at; as they are otherwise."""

import numpy as np

from edgebnn.emulation.augmentation import augment
from edgebnn.emulation.batches import evaluation_batches, training_batches, training_images
from edgebnn.emulation.random import permutation
from edgebnn.study.config import Augmentation

AUGMENTATION = Augmentation(shift=0.45, flip=True)


def test_training_images(make_run, blobs):
    run, train = make_run(batch_size=70, augmentation=AUGMENTATION, seed=3), blobs.train
    batches = list(training_images(run, train, 0, 2))
    assert len(batches) == 2 * (600 // 70)
    for epoch in (0, 1):
        order = permutation(3, epoch, 600)[: 8 * 70]
        images, labels = (
            np.concatenate(part) for part in zip(*batches[8 * epoch : 8 * epoch + 8], strict=True)
        )
        expected = augment(
            train.images[order], 3, epoch, np.arange(len(order)), shift=0.45, flip=True
        )
        assert (images != train.images[order]).any()
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(labels, train.labels[order])
    for ours, whole in zip(training_images(run, train, 1, 2), batches[8:], strict=True):
        np.testing.assert_array_equal(ours[0], whole[0])


def test_in_the_graph_they_are_centred(make_run, blobs):
    run = make_run(batch_size=50, augmentation=AUGMENTATION)
    expected = training_images(run, blobs.train, 0, 1)
    for (images, labels), (pixels, classes) in zip(
        training_batches(run, blobs.train, 0, 1), expected, strict=True
    ):
        np.testing.assert_array_equal(images, 2.0 * pixels - 255)
        np.testing.assert_array_equal(labels, classes)


def test_evaluation_sees_the_images_as_they_are(blobs):
    seen = [images for images, _ in evaluation_batches(blobs.test, 30)]
    np.testing.assert_array_equal(np.concatenate(seen), 2.0 * blobs.test.images - 255)

"""Sets of one image, small enough to send to a worker process."""

from adaptoscope.datasets.counted_images import CountedImageSet, ImageRecord


def only_image(images: CountedImageSet, record: ImageRecord) -> CountedImageSet:
    """Return a set of one image, with its points where they are known."""
    points = {record.file_name: images.points(record)} if record.labelled else {}
    files = {record.file_name: images.path(record)}
    return CountedImageSet(images.folder, (record,), images.channel, images.z, files, points)

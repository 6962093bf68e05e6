"""Which DICOM files belong together.

Interface for readers that run in a worker process:
    members = choose(paths, series)      # tuple[Member, ...], one series, one patient
    dataset = dicom.read_dataset(member) # pydicom Dataset, pixel data still encoded
    array = dicom.decode_pixels(dataset) # stored values, (rows, columns) or (frames, rows, columns)
"""

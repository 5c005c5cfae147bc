"""Uploads of personal pictures: held in memory, never on the disk, and no more of them than is taken."""

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopFutureHandlers

READ_AT_MOST = 64_000_000  # bytes of a request: what is larger is not even read to say so kindly


class InMemory(MemoryFileUploadHandler):
    """Keeps the request's first file in memory, at most `keep` bytes of it: its `size` tells that there was more."""

    def __init__(self, request=None, *, keep: int):
        super().__init__(request)
        self.keep = keep
        self.files = 0

    def handle_raw_input(self, input_data, META, content_length, boundary, encoding=None):
        if content_length > READ_AT_MOST:
            raise RequestDataTooBig("The upload is too large.")
        self.activated = True

    def new_file(self, *args, **kwargs):
        self.files += 1
        if self.files > 1:  # read past; SkipFile would close the first
            raise StopFutureHandlers
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self.files == 1 and start < self.keep:
            self.file.write(raw_data)

    def file_complete(self, file_size: int):
        return super().file_complete(file_size) if self.files == 1 else None

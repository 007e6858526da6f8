from tests.daemon.engine_files import X
def test_x(): assert X == 1
